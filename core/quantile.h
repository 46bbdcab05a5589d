// Quantiles of samples, where their order statistics are wanted as they are.
#pragma once

#include <span>

namespace frugal {

// Quantile with linear interpolation (numpy's default) of sorted values, 0 <= q <= 1.
// Error(kUsage, "metric_input") for no values or a quantile out of range.
double quantile_sorted(std::span<const double> sorted, double q);

}  // namespace frugal
