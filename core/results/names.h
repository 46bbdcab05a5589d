// What names and schemas a result file can hold.
#pragma once

#include <string_view>

#include "core/results/records.h"

namespace frugal::results {

// Letters, digits and "_.-" (with_slash: also "/:@+=" between them, as in "train/loss"), at most 128 bytes.
// Throws Error(usage, "bad_name").
void check_name(std::string_view what, std::string_view name, bool with_slash = false);
// Names, labels, no duplicates, and few enough columns: an earliest-format HDF5 table holds its type in 64 KiB.
// Throws Error(usage, "bad_columns").
void check_schema(const SchemaRecord& schema);
// Throws Error(usage, "bad_array").
void check_array(const ArrayInfo& info);
// The bytes of an array's elements. Throws Error(usage, "bad_array") on a negative extent or a product above 2^60.
std::size_t byte_count(const ArrayInfo& info);

}  // namespace frugal::results
