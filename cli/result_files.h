// The result files that the words of a command line mean.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace frugal::cli {

// Files as they are; for folders every run.h5 at and below. No words: this folder. Throws Error(usage, "missing_file").
std::vector<std::filesystem::path> result_files(const std::vector<std::string>& words);

}  // namespace frugal::cli
