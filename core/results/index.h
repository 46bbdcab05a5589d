// index.h5: one table over all runs of a folder. It is made by looking at the runs; deleting it loses nothing.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/results/run_data.h"

namespace frugal::results {

constexpr std::string_view kIndexName = "index.h5";

struct RunEntry {
  std::filesystem::path path;   // of the result file, relative to the folder that was scanned
  std::optional<RunData> data;  // a summary; missing if the file cannot be read
  std::string error;            // why not
};

// The result files at and below `folder`, sorted.
std::vector<std::filesystem::path> find_run_files(const std::filesystem::path& folder);
// Reads them in this process: for a folder of our own runs (see sandbox.h for others').
std::vector<RunEntry> scan_runs(const std::filesystem::path& folder);

// Config leaves as "method.bits" -> text, without the nodes `hydra` and `user`; lists are leaves.
std::map<std::string, std::string> config_leaves(const std::string& config_json);

// A table of runs as rows of text and numbers: what index.h5, `results ls` and `results export` show.
struct RunTable {
  std::vector<Column> columns;
  std::vector<std::vector<Value>> rows;  // one a run
};
// Columns: file, run_id, status, created, the options chosen, the config leaves that differ between the runs or were
// overridden (by the shortest end of their path that is unique: `bits` for method.bits), every metric, and `config`:
// the leaves that are the same everywhere, as JSON. Runs that cannot be read have the status "damaged" and the reason.
RunTable run_table(const std::vector<RunEntry>& entries);

// The data set /runs of an open HDF5 file.
void write_runs_table(std::int64_t file, const RunTable& table);

// Writes folder/index.h5 whole or not at all: /runs, /aggregate where configs were repeated (aggregate.h), and an
// external link to each file under /files. Returns its path.
std::filesystem::path write_index(const std::filesystem::path& folder, const std::vector<RunEntry>& entries);

}  // namespace frugal::results
