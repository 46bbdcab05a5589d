#include "core/profile/summary.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/quantile.h"

namespace frugal::profile {
namespace {

// Index from 0 of the lower order statistic; negative where n values cannot give the confidence.
std::ptrdiff_t lower_index(std::size_t n, double tail) {
  const boost::math::binomial ranks(static_cast<double>(n), 0.5);
  auto index = static_cast<std::ptrdiff_t>(boost::math::quantile(ranks, tail));
  while (index >= 0 && boost::math::cdf(ranks, static_cast<double>(index)) > tail) --index;
  return index;
}

// Not Boost's: the one of 1.74 gives the element at the middle instead of its deviation (1..101: 76 for 25).
double median_absolute_deviation(std::vector<double> values, double median) {
  for (double& value : values) value = std::abs(value - median);
  std::sort(values.begin(), values.end());
  return quantile_sorted(values, 0.5);
}

}  // namespace

std::optional<double> Summary::relative_spread() const {
  if (!low || !high || !(median > 0)) return std::nullopt;
  return (*high - *low) / 2 / median;
}

Summary summarise(std::span<const double> values, double confidence) {
  if (values.empty() || !(confidence > 0 && confidence < 1))
    throw Error(ErrorKind::kUsage, "metric_input", "expected values and a confidence in (0, 1)");
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  Summary summary{.n = sorted.size(),
                  .median = quantile_sorted(sorted, 0.5),
                  .p90 = quantile_sorted(sorted, 0.9),
                  .p99 = quantile_sorted(sorted, 0.99)};
  const std::ptrdiff_t index = lower_index(sorted.size(), (1 - confidence) / 2);
  if (index >= 0) {
    summary.low = sorted[static_cast<std::size_t>(index)];
    summary.high = sorted[sorted.size() - 1 - static_cast<std::size_t>(index)];
  }
  summary.mad = median_absolute_deviation(sorted, summary.median);
  return summary;
}

}  // namespace frugal::profile
