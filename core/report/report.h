// One page over many runs: metrics with their intervals, curves, a Pareto plot, and where each run came from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/results/index.h"

namespace frugal::report {

struct ReportOptions {
  std::string title = "Runs";
  std::optional<std::string> x, y;  // metrics of the Pareto plot; both or none
};

// entries: as results::read_runs gives them, all parts. Runs are sorted by the config values that differ between them,
// in the order of the columns. Error(kUsage, "unknown_metric") where x or y is no metric of any run, with the nearest
// name; "bad_call" for one without the other.
std::string html_report(const std::vector<results::RunEntry>& entries, const ReportOptions& options);

}  // namespace frugal::report
