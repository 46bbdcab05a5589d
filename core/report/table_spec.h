// A paper's table as data: configs/table/<paper>/<table>.yaml says which runs make it and what the paper printed.
// docs/tables.md has the format with an example.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config/options.h"
#include "core/results/types.h"

namespace frugal::report {

struct TableColumn {
  std::string name;
  std::string title;                    // "": the name
  std::string metric;                   // "": the name; metric of the runs
  std::string unit;                     // shown; values are metric * factor
  double factor = 1;                    // e.g. 100 for a share shown in %
  std::string direction;                // higher, lower or "": which is better
  int64_t digits = 1;                   // after the point
  std::vector<std::string> overrides;   // of the column's own runs (dataset=rte); columns with equal ones share runs
  std::vector<std::string> average_of;  // columns whose mean this is; then it has no runs of its own
  double tolerance = 0;                 // a full-scale value this near to the paper's reproduces it, in `unit`
};

// Values of one key that a row tries before its runs; the best by TableSpec::tuning is kept, column by column.
struct TuneGrid {
  std::string key;
  std::vector<std::string> values;  // as override text
};

struct TableRow {
  std::string name;
  std::string title;
  std::vector<std::string> overrides;
  std::optional<TuneGrid> tune;
  std::string status;  // "", or needs-weights, needs-device, needs-data: cannot run here whatever the machine
  std::string reason;  // why
};

struct Tuning {
  std::string metric = "selection_score";
  std::string direction = "higher";    // or lower: which value of the metric is chosen
  int64_t seed = 1000;                 // of the runs that try values
  std::vector<std::string> overrides;  // of them, e.g. experiment.final_evaluation=false
};

// What the paper printed, and how sure we are of it: paper, page, code, memory, unverified.
struct PaperValue {
  double value = 0;
  std::string certainty;
};

// A statement about the finished table: the cell, as it is or divided by another row's, lies within bounds.
struct TableCheck {
  std::string row, column;
  std::string relative_to;  // a row, or ""
  std::optional<double> at_least, at_most;
};

struct TableSpec {
  std::filesystem::path file;
  std::string name;  // quickstart, meft/glue_small
  std::string paper, number, caption, source;
  std::string experiment;
  std::vector<std::string> overrides;  // of every run
  std::vector<TableRow> rows;
  std::vector<TableColumn> columns;
  std::map<std::string, std::map<std::string, PaperValue>> paper_values;  // by row, by column
  std::map<std::string, std::vector<std::string>> scales;                 // full, small -> overrides
  std::string default_scale;
  std::vector<int64_t> seeds;
  std::vector<std::string> baselines;  // rows that the others are compared with, sample by sample
  Tuning tuning;
  std::vector<TableCheck> checks;
};

// configs/table/<name>.yaml, or a file that is named with its .yaml. Throws Error(kUsage): "unknown_table" with the
// nearest name, and for every unknown key, wrong type, or row and column that is named and not there: file:line.
TableSpec load_table(const std::string& name);
// The names of all tables that come with the program, sorted.
std::vector<std::string> table_names();

}  // namespace frugal::report
