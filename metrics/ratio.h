// Sums over sums: perplexities and other rates whose documents differ in length.
#pragma once

#include <span>

namespace frugal::metrics {

struct Ratio {
  double value = 0;           // sum a / sum b
  double standard_error = 0;  // by linearisation: sqrt(n / (n - 1) sum (a_i - value b_i)^2) / sum b; NaN for n = 1
};
// Error(kUsage, "metric_input") for empty or uneven spans, or where b sums to 0.
Ratio ratio_of_sums(std::span<const double> a, std::span<const double> b);

}  // namespace frugal::metrics
