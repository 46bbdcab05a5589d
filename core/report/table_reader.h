// A table's file, with what it includes, as a spec at one scale.
#pragma once

#include <filesystem>
#include <string>

#include "core/report/table_spec.h"

namespace frugal::report {

// Errors as load_table's.
TableSpec read_table(const std::filesystem::path& file, const std::string& name, const std::string& scale);

}  // namespace frugal::report
