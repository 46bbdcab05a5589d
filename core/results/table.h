// Tables: one-dimensional data sets of a compound type, as pd.DataFrame(f["metrics"][:]) reads them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/results/hdf5.h"
#include "core/results/types.h"

namespace frugal::results::h5 {

struct TableColumn {
  std::string name;
  ColumnType type = ColumnType::kString;
  std::function<Value(std::size_t row)> cell;
  std::vector<std::string> labels = {};  // of an enum; its cells are labels
};

// Creates parent/name (with the groups on its way) and writes all rows. String columns get the size of their longest
// text.
Handle write_table(hid_t parent, const std::string& name, const std::vector<TableColumn>& columns, std::size_t rows,
                   std::string_view description);

struct ReadColumn {
  std::string name;
  ColumnType type = ColumnType::kString;
  std::vector<std::string> labels;
  std::vector<Value> cells;
};

struct ReadTable {
  std::vector<ReadColumn> columns;
  std::size_t rows = 0;
  // Throws Error(bad_data, "damaged_hdf5") where the column is missing or of another type.
  const std::vector<Value>& column(const std::string& name, ColumnType type) const;
};

// Throws Error(bad_data, "damaged_hdf5") for what is no table, and above max_bytes of rows.
ReadTable read_table(hid_t parent, const std::string& name, std::uint64_t max_bytes = std::uint64_t{1} << 30U);

}  // namespace frugal::results::h5
