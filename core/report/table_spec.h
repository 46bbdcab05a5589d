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

// Lists of overrides are those of the scale that was asked for: the file may give one list, or one a scale.
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
  std::string stage;                    // the metric is one of the row's run of this stage; then it has no runs either
  double tolerance = 0;                 // a full-scale value this near to the paper's reproduces it, in `unit`
  std::string status, reason;           // as a row's: cannot be measured here, whatever the row
};

// A run that leaves a model, which later stages and the row's cells start from. Two rows with the same config share it.
struct TableStage {
  std::string from;                    // the stage whose model it takes; "": the model that its overrides name
  std::vector<std::string> overrides;  // they choose an experiment that saves a model
  std::string data;                    // how to get what its `dataset.files` must name
  std::string where;                   // file:line
};

// Values of one key that a row tries before its runs; the best by TableSpec::tuning is kept, column by column.
struct TuneGrid {
  std::string key;
  std::vector<std::string> values;  // as override text
};

struct TableRow {
  std::string name;
  std::string title;
  std::vector<std::string> overrides;                            // of its cells' runs
  std::string from;                                              // the stage whose model they take; "": none
  std::map<std::string, std::vector<std::string>> stage_values;  // overrides of its runs of stages, by stage
  std::optional<TuneGrid> tune;
  std::string status;  // "", or needs-weights, needs-device, needs-data, unsupported: cannot run, whatever the machine
  std::string reason;  // why
};

struct Tuning {
  std::string metric = "selection_score";
  std::string direction = "higher";    // or lower: which value of the metric is chosen
  int64_t seed = 1000;                 // of the runs that try values
  std::vector<std::string> overrides;  // of them, e.g. experiment.final_evaluation=false
};

// What the paper printed, and how sure we are of it: paper, page, code, derived, memory, unverified.
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
  std::map<std::string, TableStage> stages;
  std::vector<TableRow> rows;
  std::vector<std::string> left_out;  // rows of another scale
  std::vector<TableColumn> columns;
  std::map<std::string, std::map<std::string, PaperValue>> paper_values;  // by row, by column
  std::map<std::string, std::vector<std::string>> scales;                 // full, small -> overrides
  std::string scale;                                                      // the one that was asked for
  std::vector<int64_t> seeds;
  std::vector<std::string> baselines;  // rows that the others are compared with, sample by sample
  Tuning tuning;
  std::vector<TableCheck> checks;
};

// configs/table/<name>.yaml, or a file that is named with its .yaml, at a scale ("": its default). Throws
// Error(kUsage): "unknown_table" with the nearest name, "bad_value" for a scale that it lacks, and for every unknown
// key, wrong type, row, column or stage that is named and not there, and stages in a circle: file:line.
TableSpec load_table(const std::string& name, const std::string& scale = {});
// The row's stages, from the first to the one that its cells start from.
std::vector<std::string> stage_chain(const TableSpec& spec, const TableRow& row);
// The names of all tables that come with the program, sorted.
std::vector<std::string> table_names();

}  // namespace frugal::report
