// Two runs side by side: differences with confidence intervals, or the reason why they cannot be compared.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/results/run_data.h"

namespace frugal::results {

struct MetricDifference {
  std::string name, unit;
  Direction direction = Direction::kNone;
  double a = 0, b = 0;
  double difference = 0;                  // b - a
  std::optional<double> ci_low, ci_high;  // 95 % interval of the difference
  std::string how;                        // where the interval comes from, or why there is none
};

struct ConfigDifference {
  std::string key, a, b;  // "" where a side lacks the key
};

struct Comparison {
  std::vector<MetricDifference> metrics;
  std::vector<ConfigDifference> config;
  std::vector<std::string> only_a, only_b;  // metrics of one side
};

// A metric that names its sample column gets a bootstrap interval: paired where the samples match (same `id`s, or
// without ids the same number of rows), else of two independent samples; one without a column gets a normal interval
// from both standard errors. paired: samples that do not match are an error. The random numbers are the same at every
// call. Throws Error(check_failed, "not_comparable") where data, prompts or scoring differ (inputs of role dataset, the
// config nodes data, dataset and metrics, the chosen experiment, provenance keys prompt.* and scoring.*), and
// Error(check_failed, "not_paired").
Comparison compare_runs(const RunData& a, const RunData& b, bool paired);

}  // namespace frugal::results
