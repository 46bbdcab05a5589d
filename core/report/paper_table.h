// A paper's table as it stands: what was measured beside what the paper printed, with a status for every cell.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/report/table_spec.h"

namespace frugal::report {

enum class CellStatus {
  kMeasured,      // at the paper's own scale
  kSmallScale,    // a smaller model or less data: never a figure of the paper's row
  kNeedsWeights,  // a model that is not on this machine
  kNeedsData,     // a data set that is not on this machine
  kNeedsDevice,   // a device that this machine lacks
  kUnsupported,   // what the program does not do yet
  kFailed,        // a run failed
  kPending,       // not run yet
};
std::string_view name(CellStatus status);
// What `status:` of a row or a column may say.
inline constexpr std::array kDeclarableStatuses = {CellStatus::kNeedsWeights, CellStatus::kNeedsDevice,
                                                   CellStatus::kNeedsData, CellStatus::kUnsupported};
// Of such a `status:`. Error(kUsage, "bad_table").
CellStatus status_named(std::string_view name);
// Of a run that ended with this error code.
CellStatus status_of_error(std::string_view code);

// How far the row is from a baseline, sample by sample.
struct Difference {
  double value = 0, low = 0, high = 0;  // 95 % interval, in the column's unit
  double p_value = 1;
};

struct Cell {
  CellStatus status = CellStatus::kPending;
  std::string reason;          // of a status other than measured and small-scale
  std::vector<double> values;  // one a seed, in the column's unit
  std::vector<double> errors;  // their standard errors over samples, one a value; empty where a run gives none
  std::string unit;            // the column's, or the metric's own
  std::optional<PaperValue> paper;
  std::map<std::string, Difference> versus;  // by baseline row
  std::string chosen;                        // what tuning chose, as an override
  std::vector<std::string> runs;             // result files, relative to the table's folder

  std::optional<double> mean() const;
  std::optional<double> spread() const;  // sample standard deviation over seeds, from two seeds on
  std::optional<double> error() const;   // of a single seed's value: its standard error over samples
};

struct CheckResult {
  TableCheck check;
  std::optional<double> value;  // missing: a cell has none
  bool holds = false;
  std::string text;  // "activation_memory of meft1_exact / lora is 0.41, at most 0.6: holds"
};

struct PaperTable {
  TableSpec spec;
  std::string scale;
  std::vector<std::string> overrides;                        // of the user
  std::vector<std::size_t> shown;                            // indices of spec.rows
  std::map<std::string, std::map<std::string, Cell>> cells;  // by row, by column
  std::map<std::string, std::string> facts;                  // device, code version, date, ...
  std::map<std::string, std::vector<std::string>> stages;    // by row: result files of its stages
  std::vector<std::string> notes;
};

// Fills the columns that are averages of others: value by value over the seeds, with the standard error of a mean of
// independent parts; a status other than a measured one of any part is the average's.
void fill_averages(PaperTable& table);
std::vector<CheckResult> run_checks(const PaperTable& table);
// "reproduced", "differs", or "" where there is nothing to compare: a full-scale mean within the column's tolerance and
// two standard errors of the paper's value.
std::string verdict(const TableColumn& column, const Cell& cell);

}  // namespace frugal::report
