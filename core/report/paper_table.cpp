#include "core/report/paper_table.h"

#include <algorithm>
#include <boost/math/statistics/univariate_statistics.hpp>
#include <cmath>

#include "core/error.h"

namespace frugal::report {

namespace statistics = boost::math::statistics;

std::string_view name(CellStatus status) {
  switch (status) {
    case CellStatus::kMeasured:
      return "measured";
    case CellStatus::kSmallScale:
      return "small-scale";
    case CellStatus::kNeedsWeights:
      return "needs-weights";
    case CellStatus::kNeedsData:
      return "needs-data";
    case CellStatus::kNeedsDevice:
      return "needs-device";
    case CellStatus::kUnsupported:
      return "unsupported";
    case CellStatus::kFailed:
      return "failed";
    case CellStatus::kPending:
      return "pending";
  }
  return "";
}

CellStatus status_named(std::string_view wanted) {
  for (const CellStatus status : kDeclarableStatuses)
    if (name(status) == wanted) return status;
  throw Error(ErrorKind::kUsage, "bad_table", cat("no status '", wanted, "'"));
}

CellStatus status_of_error(std::string_view code) {
  if (code == "model_not_found") return CellStatus::kNeedsWeights;
  if (code == "dataset_not_found") return CellStatus::kNeedsData;
  if (code == "no_cuda" || code == "no_worker") return CellStatus::kNeedsDevice;
  return CellStatus::kFailed;
}

std::optional<double> Cell::mean() const {
  if (values.empty()) return std::nullopt;
  return statistics::mean(values);
}

std::optional<double> Cell::spread() const {
  if (values.size() < 2) return std::nullopt;
  return std::sqrt(statistics::sample_variance(values));
}

std::optional<double> Cell::error() const {
  return values.size() == 1 && errors.size() == 1 ? std::optional(errors[0]) : std::nullopt;
}

namespace {

// By seed: the mean of the parts, and its standard error where every part has one.
void average(const std::vector<const Cell*>& parts, Cell& cell) {
  const auto count = static_cast<double>(parts.size());
  const bool with_errors = std::all_of(parts.begin(), parts.end(),
                                       [](const Cell* part) { return part->errors.size() == part->values.size(); });
  for (size_t seed = 0; seed < parts.front()->values.size(); ++seed) {
    double sum = 0, squares = 0;
    for (const Cell* part : parts) {
      sum += part->values.at(seed);
      if (with_errors) squares += part->errors.at(seed) * part->errors.at(seed);
    }
    cell.values.push_back(sum / count);
    if (with_errors) cell.errors.push_back(std::sqrt(squares) / count);
  }
}

}  // namespace

void fill_averages(PaperTable& table) {
  for (const TableColumn& column : table.spec.columns) {
    if (column.average_of.empty()) continue;
    for (auto& [row, cells] : table.cells) {
      Cell& mean = cells[column.name];
      mean.status = CellStatus::kMeasured;
      mean.unit = column.unit;
      mean.values.clear();
      mean.errors.clear();
      std::vector<const Cell*> parts;
      for (const std::string& part : column.average_of) {
        const Cell& cell = cells.at(part);
        if (cell.values.empty() || cell.status != CellStatus::kMeasured) mean.status = cell.status;
        if (cell.values.empty()) {
          mean.reason = cat("'", part, "' has no value");
          parts.clear();
          break;
        }
        parts.push_back(&cell);
      }
      if (!parts.empty()) average(parts, mean);
    }
  }
}

std::vector<CheckResult> run_checks(const PaperTable& table) {
  std::vector<CheckResult> results;
  const auto mean = [&](const std::string& row, const std::string& column) -> std::optional<double> {
    const auto cells = table.cells.find(row);
    if (cells == table.cells.end()) return std::nullopt;
    const auto cell = cells->second.find(column);
    return cell == cells->second.end() ? std::nullopt : cell->second.mean();
  };
  for (const TableCheck& check : table.spec.checks) {
    const bool asked =
        table.cells.contains(check.row) && (check.relative_to.empty() || table.cells.contains(check.relative_to));
    if (!asked) continue;  // --row left it out
    CheckResult result{.check = check, .value = mean(check.row, check.column), .holds = false, .text = {}};
    if (!check.relative_to.empty() && result.value) {
      const auto other = mean(check.relative_to, check.column);
      result.value = other && *other != 0 ? std::optional(*result.value / *other) : std::nullopt;
    }
    result.holds = result.value && (!check.at_least || *result.value >= *check.at_least) &&
                   (!check.at_most || *result.value <= *check.at_most);
    result.text = cat(check.column, " of ", check.row, check.relative_to.empty() ? "" : " / ", check.relative_to,
                      " is ", result.value ? cat(*result.value) : "not there");
    if (check.at_least) result.text += cat(", at least ", *check.at_least);
    if (check.at_most) result.text += cat(", at most ", *check.at_most);
    result.text += result.holds ? ": holds" : ": does not hold";
    results.push_back(std::move(result));
  }
  return results;
}

std::string verdict(const TableColumn& column, const Cell& cell) {
  const auto mean = cell.mean();
  if (cell.status != CellStatus::kMeasured || !cell.paper || !mean) return "";
  const double error = cell.spread().value_or(0) / std::sqrt(static_cast<double>(cell.values.size()));
  return std::abs(*mean - cell.paper->value) <= column.tolerance + 2 * error ? "reproduced" : "differs";
}

}  // namespace frugal::report
