// A text file as Python reads it. Internal to datasets.
#pragma once

#include <filesystem>
#include <string>

namespace frugal::datasets {

// The whole file without a byte order mark, line ends as \n. Errors: kUsage `file_not_found`; kBadData `not_utf8` with
// the byte.
std::string read_utf8(const std::filesystem::path& path);

}  // namespace frugal::datasets
