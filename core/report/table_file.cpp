#include <unistd.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "core/io/file.h"
#include "core/io/unfinished_file.h"
#include "core/report/table_text.h"
#include "core/results/hdf5.h"
#include "core/results/index.h"
#include "core/results/run_file.h"
#include "core/results/table.h"

namespace frugal::report {
namespace {

namespace fs = std::filesystem;
namespace h5 = results::h5;
using results::ColumnType;
using results::Value;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct FlatCell {
  const TableRow* row;
  const TableColumn* column;
  const Cell* cell;
};

std::vector<FlatCell> flatten(const PaperTable& table) {
  std::vector<FlatCell> cells;
  for (const size_t r : table.shown)
    for (const auto& column : table.spec.columns) {
      const TableRow& row = table.spec.rows[r];
      cells.push_back({&row, &column, &table.cells.at(row.name).at(column.name)});
    }
  return cells;
}

void write_cells(hid_t file, const PaperTable& table) {
  const std::vector<FlatCell> cells = flatten(table);
  const auto text = [&](const char* name, auto get) {
    return h5::TableColumn{
        .name = name, .type = ColumnType::kString, .cell = [&cells, get](size_t i) { return Value(get(cells[i])); }};
  };
  const auto number = [&](const char* name, auto get) {
    return h5::TableColumn{
        .name = name, .type = ColumnType::kDouble, .cell = [&cells, get](size_t i) { return Value(get(cells[i])); }};
  };
  h5::write_table(
      file, "cells",
      {text("row", [](const FlatCell& c) { return c.row->name; }),
       text("column", [](const FlatCell& c) { return c.column->name; }),
       text("status", [](const FlatCell& c) { return std::string(name(c.cell->status)); }),
       number("mean", [](const FlatCell& c) { return c.cell->mean().value_or(kNaN); }),
       number("std", [](const FlatCell& c) { return c.cell->spread().value_or(kNaN); }),
       number("error", [](const FlatCell& c) { return c.cell->error().value_or(kNaN); }),
       number("seeds", [](const FlatCell& c) { return static_cast<double>(c.cell->values.size()); }),
       text("unit", [](const FlatCell& c) { return c.cell->unit; }),
       number("paper", [](const FlatCell& c) { return c.cell->paper ? c.cell->paper->value : kNaN; }),
       text("certainty", [](const FlatCell& c) { return c.cell->paper ? c.cell->paper->certainty : std::string(); }),
       text("verdict", [](const FlatCell& c) { return verdict(*c.column, *c.cell); }),
       text("chosen", [](const FlatCell& c) { return c.cell->chosen; }),
       text("reason", [](const FlatCell& c) { return c.cell->reason; })},
      cells.size(), "one row a cell of the table");
}

void write_differences(hid_t file, const PaperTable& table) {
  struct Pair {
    std::string row, column, baseline;
    Difference difference;
  };
  std::vector<Pair> pairs;
  for (const FlatCell& c : flatten(table))
    for (const auto& [baseline, difference] : c.cell->versus)
      pairs.push_back({c.row->name, c.column->name, baseline, difference});
  if (pairs.empty()) return;
  const auto text = [&](const char* name, std::string Pair::* member) {
    return h5::TableColumn{.name = name, .type = ColumnType::kString, .cell = [&pairs, member](size_t i) {
                             return Value(pairs[i].*member);
                           }};
  };
  const auto number = [&](const char* name, double Difference::* member) {
    return h5::TableColumn{.name = name, .type = ColumnType::kDouble, .cell = [&pairs, member](size_t i) {
                             return Value(pairs[i].difference.*member);
                           }};
  };
  h5::write_table(file, "differences",
                  {text("row", &Pair::row), text("column", &Pair::column), text("baseline", &Pair::baseline),
                   number("difference", &Difference::value), number("low", &Difference::low),
                   number("high", &Difference::high), number("p_value", &Difference::p_value)},
                  pairs.size(), "row minus baseline, paired bootstrap over samples and seeds, 95 % interval");
}

std::vector<results::RunEntry> entries_of(const PaperTable& table, const fs::path& folder) {
  std::vector<std::string> files;
  for (const FlatCell& c : flatten(table)) files.insert(files.end(), c.cell->runs.begin(), c.cell->runs.end());
  for (const auto& [row, stages] : table.stages) files.insert(files.end(), stages.begin(), stages.end());
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  std::vector<results::RunEntry> entries;
  entries.reserve(files.size());
  for (const auto& file : files)
    entries.push_back(
        {.path = file, .data = results::read_run_file(folder / file, results::Parts::kSummary), .error = {}});
  return entries;
}

void write_all(const PaperTable& table, const fs::path& folder, const fs::path& temporary) {
  const std::vector<results::RunEntry> entries = entries_of(table, folder);
  const auto lock = h5::library_lock();
  const h5::Handle file = h5::create_file(temporary);
  h5::set_attribute(file, "format", "frugal-table");
  h5::set_attribute(file, "format_version", 1);
  h5::set_attribute(file, "default", "/cells");
  h5::set_attribute(file, "table", table.spec.name);
  h5::set_attribute(file, "caption", table.spec.caption);
  h5::set_attribute(file, "source", table.spec.source);
  h5::set_attribute(file, "scale", table.scale);
  for (const auto& [key, value] : table.facts) h5::set_attribute(file, key.c_str(), value);
  write_cells(file, table);
  write_differences(file, table);
  if (!entries.empty()) results::write_runs_table(file, results::run_table(entries));
  h5::write_text(file, "json", table_json(table), "the whole table as JSON");
  h5::check(H5Fflush(file, H5F_SCOPE_GLOBAL), "flush the table");
}

}  // namespace

fs::path write_table_file(const PaperTable& table, const fs::path& folder) {
  const io::UnfinishedFile temporary(folder / cat("table.h5.tmp.", ::getpid()));
  write_all(table, folder, temporary.path());
  io::publish(temporary.path(), folder / "table.h5");
  return folder / "table.h5";
}

}  // namespace frugal::report
