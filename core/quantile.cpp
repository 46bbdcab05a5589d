#include "core/quantile.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace frugal {

double quantile_sorted(std::span<const double> sorted, double q) {
  if (sorted.empty() || !(q >= 0 && q <= 1))
    throw Error(ErrorKind::kUsage, "metric_input", "expected values and a quantile in [0, 1]");
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(std::floor(place));
  const auto high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (place - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace frugal
