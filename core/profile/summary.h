// What a set of repeated measurements says: order statistics only, since times have long tails and no known shape.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace frugal::profile {

// In the unit of the values.
struct Summary {
  std::size_t n = 0;
  double median = 0, p90 = 0, p99 = 0;  // linear interpolation between order statistics
  double mad = 0;                       // median of |x - median|, not scaled to a standard deviation
  // Distribution-free interval of the median: the order statistics x(k), x(n+1-k) with the largest k for which
  // P(Binomial(n, 1/2) < k) <= (1 - confidence) / 2. It covers the median with at least `confidence` whatever the
  // distribution of independent samples. None where no such k exists (fewer than 6 values at 95 %).
  std::optional<double> low, high;

  // Half width of that interval over the median: what the stopping rule bounds. None without an interval, or where the
  // median is not positive.
  std::optional<double> relative_spread() const;
};

// values: finite, in any order. confidence: in (0, 1). Error(kUsage, "metric_input") for no values or another
// confidence.
Summary summarise(std::span<const double> values, double confidence = 0.95);

}  // namespace frugal::profile
