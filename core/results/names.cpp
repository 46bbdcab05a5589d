#include "core/results/names.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <set>

#include "core/error.h"

namespace frugal::results {
namespace {

[[noreturn]] void bad_columns(const std::string& why) {
  throw Error(ErrorKind::kUsage, "bad_columns", why);
}

// Upper bound of what a member takes in the header of an earliest-format compound type (version 1 messages).
std::size_t type_bytes(const Column& column) {
  std::size_t bytes = 64 + column.name.size();
  if (column.type == ColumnType::kBool) bytes += 48;
  for (const auto& label : column.labels) bytes += label.size() + 9;
  return bytes;
}

void check_labels(const Column& column) {
  const std::set<std::string> labels(column.labels.begin(), column.labels.end());
  if (column.type != ColumnType::kEnum && !labels.empty())
    bad_columns(cat("column '", column.name, "' is no enum and has labels"));
  if (column.type == ColumnType::kEnum &&
      (labels.empty() || labels.size() > 127 || labels.size() != column.labels.size()))
    bad_columns(cat("enum '", column.name, "' needs 1 to 127 different labels, found ", column.labels.size()));
  for (const auto& label : labels)
    if (label.empty() || label.size() > 128)
      bad_columns(cat("a label of '", column.name, "' is empty or over 128 bytes"));
}

}  // namespace

void check_name(std::string_view what, std::string_view name, bool with_slash) {
  const std::string_view extra = with_slash ? "_.-/:@+=" : "_.-";
  const auto allowed = [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || extra.find(c) != extra.npos;
  };
  const bool edges = !name.empty() && name.front() != '/' && name.back() != '/' && name.find("//") == name.npos;
  const bool dots = name == "." || name == ".." || name.starts_with("./") || name.find("/./") != name.npos ||
                    name.find("/../") != name.npos || name.starts_with("../") || name.ends_with("/.") ||
                    name.ends_with("/..");
  if (!edges || dots || name.size() > 128 || !std::all_of(name.begin(), name.end(), allowed))
    throw Error(
        ErrorKind::kUsage, "bad_name",
        cat("'", name.substr(0, 200), "' cannot be the name of a ", what, ": 1 to 128 letters, digits and ", extra));
}

void check_schema(const SchemaRecord& schema) {
  constexpr std::size_t kMostTypeBytes = 60000;
  std::set<std::string> seen = {"columns"};  // /samples_columns describes the table
  std::size_t bytes = 0;
  for (const auto& column : schema.columns) {
    check_name("sample column", column.name);
    check_labels(column);
    if (!seen.insert(column.name).second) bad_columns(cat("two columns are called '", column.name, "'"));
    bytes += type_bytes(column);
  }
  for (const auto& list : schema.lists) {
    check_name("sample list", list.name);
    if (!seen.insert(list.name).second) bad_columns(cat("two columns are called '", list.name, "'"));
  }
  if (bytes > kMostTypeBytes)
    bad_columns(cat(schema.columns.size(),
                    " columns and their labels are more than one HDF5 table can hold; record the "
                    "values as an array column"));
}

std::size_t byte_count(const ArrayInfo& info) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 60U;
  std::uint64_t bytes = size_of(info.dtype);
  for (const auto extent : info.shape) {
    if (extent < 0 || (extent > 0 && bytes > kMost / static_cast<std::uint64_t>(extent)))
      throw Error(ErrorKind::kUsage, "bad_array", cat("array '", info.name, "' has an extent of ", extent));
    bytes *= static_cast<std::uint64_t>(extent);
  }
  return bytes;
}

void check_array(const ArrayInfo& info) {
  check_name("array", info.name);
  if (!info.dims.empty() && info.dims.size() != info.shape.size())
    throw Error(ErrorKind::kUsage, "bad_array",
                cat("array '", info.name, "' has ", info.shape.size(), " dimensions and ", info.dims.size(),
                    " names for them"));
  if (info.shape.size() > 32)
    throw Error(ErrorKind::kUsage, "bad_array", cat("array '", info.name, "' has more than 32 dimensions"));
  for (const auto& dim : info.dims) check_name("dimension", dim);
  byte_count(info);
}

}  // namespace frugal::results
