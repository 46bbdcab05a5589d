// Many result files in one, for sending away: the table /runs of an index, and a whole copy of each run in /files.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace frugal::results {

// The hidden verb that copies in a child process: `frugal __merge OUTPUT FILE...`.
constexpr std::string_view kMergeVerb = "__merge";
int merge_child(std::span<const std::string> args);

// Writes `output` whole or not at all; it must not exist. Throws Error(usage, "output_exists" | "no_runs" |
// "duplicate_run") and Error(bad_data, "damaged_hdf5"), naming the file.
void merge_runs(const std::vector<std::filesystem::path>& files, const std::filesystem::path& output);

}  // namespace frugal::results
