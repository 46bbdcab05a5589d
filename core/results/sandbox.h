// Reading result files that strangers made. The HDF5 library was not written for hostile files: it may crash, hang or
// ask for any amount of memory. So a child process reads them, under limits, and sends what it found as a journal's
// records.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/results/index.h"
#include "core/results/run_file.h"

namespace frugal::results {

// The hidden verb of `frugal` that is the child: `frugal __read-runs all|summary FILE...`.
constexpr std::string_view kReadRunsVerb = "__read-runs";
int read_runs_child(std::span<const std::string> args);

// The program to start; by default the running one. For programs that lack the verb (tests).
void set_reader_program(const std::filesystem::path& program);
std::filesystem::path reader_program();

// One entry a file, in order, with the paths as given. A file that cannot be read has its error; one that ends the
// child has "damaged: reading it ended with signal 11", and the others are read all the same.
std::vector<RunEntry> read_runs(const std::vector<std::filesystem::path>& files, Parts parts);

// Throws Error(usage, "missing_file") and Error(bad_data, "damaged_hdf5" | "not_a_run").
RunData read_run(const std::filesystem::path& file, Parts parts = Parts::kAll);

}  // namespace frugal::results
