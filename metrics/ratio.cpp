#include "metrics/ratio.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"

namespace frugal::metrics {

Ratio ratio_of_sums(std::span<const double> a, std::span<const double> b) {
  const double below = std::accumulate(b.begin(), b.end(), 0.0);
  if (a.empty() || a.size() != b.size() || below == 0)
    throw Error(ErrorKind::kUsage, "metric_input", cat("a ratio of sums of ", a.size(), " over ", b.size(), " values"));
  Ratio ratio{.value = std::accumulate(a.begin(), a.end(), 0.0) / below};
  const auto n = static_cast<double>(a.size());
  double squares = 0;
  for (size_t i = 0; i < a.size(); ++i) squares += std::pow(a[i] - ratio.value * b[i], 2);
  ratio.standard_error =
      a.size() < 2 ? std::numeric_limits<double>::quiet_NaN() : std::sqrt(n / (n - 1) * squares) / below;
  return ratio;
}

}  // namespace frugal::metrics
