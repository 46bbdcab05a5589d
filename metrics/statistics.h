// How sure a mean is: standard error and bootstrap intervals. Draws come from Philox (core/philox.h) keyed by the
// seed, so an interval is the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/quantile.h"

namespace frugal::metrics {

// Error(kUsage, "metric_input") when empty.
double mean(std::span<const double> values);
// Sample standard deviation (n - 1) over sqrt(n), as scipy.stats.sem; NaN for one value.
double standard_error(std::span<const double> values);
using frugal::quantile_sorted;

struct Interval {
  double low = 0, high = 0;
};

struct BootstrapOptions {
  std::size_t resamples = 1000;  // >= 1
  double confidence = 0.95;      // in (0, 1)
  std::uint64_t seed = 0;
};

// A statistic of the examples at `indices` (drawn with replacement, as many as there are examples).
using Statistic = std::function<double(std::span<const std::uint32_t> indices)>;

// Percentile interval of statistic over resamples of n examples. A resample without a value (NaN: a correlation of
// constants) is left out; NaN bounds when none is left. Error(kUsage, "metric_input") for n = 0 or options out of
// range.
Interval bootstrap(std::size_t n, const Statistic& statistic, const BootstrapOptions& options = {});
// The same for a mean.
Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options = {});

struct PairedResult {
  double difference = 0;  // mean of a - b
  Interval interval;      // of the difference
  // Two-sided bootstrap p-value: twice the smaller share of resamples on either side of 0, ties counted on both,
  // with one added to both counts so that it is never 0.
  double p_value = 1;
};

// Score of one run of system 0 (a) or 1 (b) on the examples at `indices`.
using RunStatistic = std::function<double(std::size_t system, std::size_t run, std::span<const std::uint32_t> indices)>;

// Both systems on one set of n examples, each with its runs (seeds).
struct PairedSet {
  std::size_t n = 0, runs_a = 0, runs_b = 0;
  RunStatistic statistic;
};

// Difference of the mean score over a's runs and b's runs, averaged over the sets (the tasks of a benchmark's average).
// Examples are resampled together for both systems; runs are resampled within each; sets are not resampled. Resamples
// without a value (NaN) are left out of the interval.
// Error(kUsage, "metric_input") for no sets, n = 0, no runs, or options out of range.
PairedResult paired_bootstrap(const std::vector<PairedSet>& sets, const BootstrapOptions& options = {});
// One set, for means: scores_a[s][i] is the score of example i under seed s of system a.
// Error(kUsage, "metric_input") for ragged or empty input.
PairedResult paired_bootstrap(const std::vector<std::vector<double>>& scores_a,
                              const std::vector<std::vector<double>>& scores_b, const BootstrapOptions& options = {});

}  // namespace frugal::metrics
