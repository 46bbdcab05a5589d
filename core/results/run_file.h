// run.h5: the result file of a run (docs/results.md has its layout), made from the run's journal.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/results/run_data.h"

namespace frugal::results {

constexpr std::string_view kRunFileName = "run.h5";

// Writes `path` (which must not exist) and leaves it unsynced. Returns the names of arrays whose elements were lost.
std::vector<std::string> write_run_file(const RunData& data, const std::filesystem::path& path,
                                        const std::filesystem::path& run_dir, bool recovered);

// kSummary leaves out samples, series, timings, arrays, log and events.
enum class Parts { kAll, kSummary };
// Reads a result file in this process: for files of our own making. Strangers' files: see sandbox.h. Arrays come
// without their elements. Throws Error(bad_data, "damaged_hdf5" | "not_a_run").
RunData read_run_file(const std::filesystem::path& path, Parts parts = Parts::kAll);
// The attribute content_hash of a result file.
std::string stored_content_hash(const std::filesystem::path& path);

struct Finished {
  std::filesystem::path file;
  RunState status = RunState::kDone;
  std::string content_hash;
  std::uint64_t lost_bytes = 0;  // of the journal: a torn tail, or what follows damage
  std::vector<std::string> lost_arrays;
  std::vector<Metric> metrics;
};

// Makes run_dir/run.h5 from the journal, whole or not at all: written as run.h5.tmp, synced, renamed. A journal without
// a final state gets `ending` appended if one is given (how the worker died), and else counts as interrupted; one that
// is damaged before its tail gives a file of what lies before, with status `recovered`. After a run that is done the
// arrays' side files are removed. Throws Error(usage, "run_locked") while the run is being written, "missing_file"
// without a journal, and what replay() throws.
Finished finish_run(const std::filesystem::path& run_dir, const std::optional<StateRecord>& ending, bool recovered);

}  // namespace frugal::results
