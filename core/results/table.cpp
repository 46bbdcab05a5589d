#include "core/results/table.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/error.h"
#include "core/results/utf8.h"

namespace frugal::results::h5 {
namespace {

constexpr std::size_t kChunkBytes = 256U << 10U;

struct Layout {
  std::vector<std::size_t> offsets, sizes;
  std::size_t row_bytes = 0;
  Handle type;
};

std::size_t longest_text(const TableColumn& column, std::size_t rows) {
  std::size_t longest = 1;
  for (std::size_t row = 0; row < rows; ++row)
    longest = std::max(longest, clean_utf8(std::get<std::string>(column.cell(row))).size());
  return longest;
}

Handle member_type(const TableColumn& column, std::size_t text_bytes) {
  switch (column.type) {
    case ColumnType::kInt64:
      return {H5Tcopy(H5T_STD_I64LE), H5Tclose, "copy a type"};
    case ColumnType::kDouble:
      return {H5Tcopy(H5T_IEEE_F64LE), H5Tclose, "copy a type"};
    case ColumnType::kBool:
      return bool_type();
    case ColumnType::kString:
      return string_type(text_bytes);
    case ColumnType::kEnum:
      return enum_type(column.labels);
  }
  fail(ErrorKind::kEnvironment, "find a column type");
}

Layout lay_out(const std::vector<TableColumn>& columns, std::size_t rows) {
  Layout layout;
  std::vector<Handle> types;
  for (const auto& column : columns) {
    types.push_back(member_type(column, column.type == ColumnType::kString ? longest_text(column, rows) : 0));
    layout.offsets.push_back(layout.row_bytes);
    layout.sizes.push_back(H5Tget_size(types.back()));
    layout.row_bytes += layout.sizes.back();
  }
  layout.type = Handle(H5Tcreate(H5T_COMPOUND, layout.row_bytes), H5Tclose, "make a table type");
  for (std::size_t i = 0; i < columns.size(); ++i)
    check(H5Tinsert(layout.type, columns[i].name.c_str(), layout.offsets[i], types[i]),
          "add column " + columns[i].name);
  return layout;
}

void put_cell(const TableColumn& column, const Value& value, std::byte* out) {
  switch (column.type) {
    case ColumnType::kInt64:
      std::memcpy(out, &std::get<std::int64_t>(value), 8);
      return;
    case ColumnType::kDouble:
      std::memcpy(out, &std::get<double>(value), 8);
      return;
    case ColumnType::kBool:
      *out = static_cast<std::byte>(std::get<bool>(value));
      return;
    case ColumnType::kString: {
      const std::string text = clean_utf8(std::get<std::string>(value));
      std::memcpy(out, text.data(), text.size());  // the rest of the row's buffer is zero
      return;
    }
    case ColumnType::kEnum: {
      const auto found = std::find(column.labels.begin(), column.labels.end(), std::get<std::string>(value));
      *out = static_cast<std::byte>(found - column.labels.begin());
      return;
    }
  }
}

void write_rows(const Handle& dataset, const Layout& layout, const std::vector<TableColumn>& columns, std::size_t rows,
                std::size_t rows_a_chunk) {
  for (std::size_t first = 0; first < rows; first += rows_a_chunk) {
    const std::size_t count = std::min(rows_a_chunk, rows - first);
    std::vector<std::byte> buffer(count * layout.row_bytes, std::byte{0});
    for (std::size_t r = 0; r < count; ++r)
      for (std::size_t c = 0; c < columns.size(); ++c)
        put_cell(columns[c], columns[c].cell(first + r), &buffer[r * layout.row_bytes + layout.offsets[c]]);
    const hsize_t start = first;
    const hsize_t extent = count;
    const Handle memory(H5Screate_simple(1, &extent, nullptr), H5Sclose, "make a space");
    const Handle file(H5Dget_space(dataset), H5Sclose, "find a space");
    check(H5Sselect_hyperslab(file, H5S_SELECT_SET, &start, nullptr, &extent, nullptr), "select rows");
    check(H5Dwrite(dataset, layout.type, memory, file, H5P_DEFAULT, buffer.data()), "write rows");
  }
}

}  // namespace

Handle write_table(hid_t parent, const std::string& name, const std::vector<TableColumn>& columns, std::size_t rows,
                   std::string_view description) {
  const Layout layout = lay_out(columns, rows);
  const std::size_t rows_a_chunk =
      std::clamp<std::size_t>(kChunkBytes / layout.row_bytes, 1, std::max<std::size_t>(rows, 1));
  const hsize_t extent = rows;
  const hsize_t most = H5S_UNLIMITED;  // an empty table could not be chunked otherwise
  const Handle space(H5Screate_simple(1, &extent, &most), H5Sclose, "make a space");
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "set up a link");
  check(H5Pset_create_intermediate_group(links, 1), "set up a link");
  Handle dataset(
      H5Dcreate2(parent, name.c_str(), layout.type, space, links, chunked_properties({rows_a_chunk}), H5P_DEFAULT),
      H5Dclose, "create table " + name);
  set_attribute(dataset, "description", description);
  set_attribute(dataset, "encoding-type", "table");
  set_attribute(dataset, "encoding-version", "0.1.0");
  write_rows(dataset, layout, columns, rows, rows_a_chunk);
  return dataset;
}

namespace {

[[noreturn]] void damaged(const std::string& name, std::string_view why) {
  throw Error(ErrorKind::kBadData, "damaged_hdf5", cat("table ", name, ": ", why));
}

struct Text {
  char* text;
  explicit Text(char* value) : text(value) {}
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { H5free_memory(text); }
};

std::vector<std::string> read_labels(hid_t type, const std::string& table) {
  const int count = H5Tget_nmembers(type);
  if (count < 1 || count > 127) damaged(table, "an enum has no or too many values");
  std::vector<std::string> labels(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    std::int8_t value = 0;
    const Handle base(H5Tget_super(type), H5Tclose, "read an enum", ErrorKind::kBadData);
    if (H5Tget_size(base) != 1) damaged(table, "an enum of more than one byte");
    check(H5Tget_member_value(type, static_cast<unsigned>(i), &value), "read an enum", ErrorKind::kBadData);
    const Text label(H5Tget_member_name(type, static_cast<unsigned>(i)));
    if (value < 0 || value >= count || label.text == nullptr) damaged(table, "an enum does not count from 0 on");
    labels[static_cast<std::size_t>(value)] = label.text;
  }
  return labels;
}

// What a column is, and the type that its cells have in memory.
Handle memory_type(hid_t file_type, ReadColumn& column, const std::string& table) {
  const auto native = [](hid_t type) { return Handle(H5Tcopy(type), H5Tclose, "copy a type"); };
  switch (H5Tget_class(file_type)) {
    case H5T_INTEGER:
      column.type = ColumnType::kInt64;
      return native(H5T_NATIVE_INT64);
    case H5T_FLOAT:
      column.type = ColumnType::kDouble;
      return native(H5T_NATIVE_DOUBLE);
    case H5T_ENUM:
      column.labels = read_labels(file_type, table);
      column.type = column.labels == std::vector<std::string>{"FALSE", "TRUE"} ? ColumnType::kBool : ColumnType::kEnum;
      return {H5Tcopy(file_type), H5Tclose, "copy a type"};
    case H5T_STRING:
      if (H5Tis_variable_str(file_type) != 0) damaged(table, "a text column of variable length");
      column.type = ColumnType::kString;
      return {H5Tcopy(file_type), H5Tclose, "copy a type"};
    default:
      damaged(table, cat("column ", column.name, " is neither number, text nor enum"));
  }
}

Value take_cell(const ReadColumn& column, const std::byte* at, std::size_t size, const std::string& table) {
  switch (column.type) {
    case ColumnType::kInt64: {
      std::int64_t value = 0;
      std::memcpy(&value, at, sizeof value);
      return value;
    }
    case ColumnType::kDouble: {
      double value = 0;
      std::memcpy(&value, at, sizeof value);
      return value;
    }
    case ColumnType::kString: {
      const auto* text = reinterpret_cast<const char*>(at);
      return std::string(text, ::strnlen(text, size));
    }
    case ColumnType::kBool:
    case ColumnType::kEnum: {
      const auto index = std::to_integer<std::size_t>(*at);
      if (index >= column.labels.size()) damaged(table, cat("column ", column.name, " holds a value without a label"));
      return column.type == ColumnType::kBool ? Value(index != 0) : Value(column.labels[index]);
    }
  }
  damaged(table, "a column of unknown type");
}

void read_rows(hid_t dataset, const Layout& layout, ReadTable& table, const std::string& name) {
  const std::size_t batch = std::max<std::size_t>(1, (4U << 20U) / layout.row_bytes);
  std::vector<std::byte> buffer;
  for (std::size_t first = 0; first < table.rows; first += batch) {
    const hsize_t start = first;
    const hsize_t count = std::min(batch, table.rows - first);
    buffer.resize(count * layout.row_bytes);
    const Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose, "make a space");
    const Handle file(H5Dget_space(dataset), H5Sclose, "find a space", ErrorKind::kBadData);
    check(H5Sselect_hyperslab(file, H5S_SELECT_SET, &start, nullptr, &count, nullptr), "select rows",
          ErrorKind::kBadData);
    check(H5Dread(dataset, layout.type, memory, file, H5P_DEFAULT, buffer.data()), "read table " + name,
          ErrorKind::kBadData);
    for (std::size_t r = 0; r < count; ++r)
      for (std::size_t c = 0; c < table.columns.size(); ++c)
        table.columns[c].cells.push_back(
            take_cell(table.columns[c], &buffer[r * layout.row_bytes + layout.offsets[c]], layout.sizes[c], name));
  }
}

}  // namespace

const std::vector<Value>& ReadTable::column(const std::string& name, ColumnType type) const {
  for (const auto& column : columns)
    if (column.name == name && column.type == type) return column.cells;
  throw Error(ErrorKind::kBadData, "damaged_hdf5",
              cat("a table lacks the column '", name, "', or it is of another type"));
}

ReadTable read_table(hid_t parent, const std::string& name, std::uint64_t max_bytes) {
  const Handle dataset(H5Dopen2(parent, name.c_str(), H5P_DEFAULT), H5Dclose, "open " + name, ErrorKind::kBadData);
  const Handle type(H5Dget_type(dataset), H5Tclose, "read the type of " + name, ErrorKind::kBadData);
  const Handle space(H5Dget_space(dataset), H5Sclose, "read the shape of " + name, ErrorKind::kBadData);
  if (H5Tget_class(type) != H5T_COMPOUND || H5Sget_simple_extent_ndims(space) != 1) damaged(name, "no table of rows");
  hsize_t rows = 0;
  check(H5Sget_simple_extent_dims(space, &rows, nullptr), "read the shape of " + name, ErrorKind::kBadData);
  ReadTable table;
  Layout layout;
  std::vector<Handle> types;
  const int members = H5Tget_nmembers(type);
  for (int i = 0; i < members; ++i) {
    const auto index = static_cast<unsigned>(i);
    const Text member(H5Tget_member_name(type, index));
    const Handle file_type(H5Tget_member_type(type, index), H5Tclose, "read a column", ErrorKind::kBadData);
    if (member.text == nullptr) damaged(name, "a column without a name");
    ReadColumn column{.name = member.text, .type = {}, .labels = {}, .cells = {}};
    types.push_back(memory_type(file_type, column, name));
    layout.offsets.push_back(layout.row_bytes);
    layout.sizes.push_back(H5Tget_size(types.back()));
    layout.row_bytes += layout.sizes.back();
    table.columns.push_back(std::move(column));
  }
  if (layout.row_bytes == 0 || rows > max_bytes / layout.row_bytes) damaged(name, "empty rows, or too many of them");
  check_plausible(dataset, rows * layout.row_bytes, name);
  table.rows = rows;
  layout.type = Handle(H5Tcreate(H5T_COMPOUND, layout.row_bytes), H5Tclose, "make a table type");
  for (std::size_t i = 0; i < types.size(); ++i)
    check(H5Tinsert(layout.type, table.columns[i].name.c_str(), layout.offsets[i], types[i]), "make a table type",
          ErrorKind::kBadData);
  read_rows(dataset, layout, table, name);
  return table;
}

}  // namespace frugal::results::h5
