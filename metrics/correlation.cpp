#include "metrics/correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"

namespace frugal::metrics {

namespace {

void check(Scores x, Scores y) {
  if (x.size() < 2 || x.size() != y.size())
    throw Error(ErrorKind::kUsage, "metric_input",
                cat("expected two lists of one length of at least 2, found ", x.size(), " and ", y.size()));
}

bool constant(Scores x) {
  return std::all_of(x.begin(), x.end(), [&](double value) { return value == x[0]; });
}

// x minus its mean, scaled to norm 1 (first by its largest entry, so that squares do not overflow).
std::vector<double> centred(Scores x) {
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  std::vector<double> result;
  double largest = 0;
  for (const double value : x) {
    result.push_back(value - mean);
    largest = std::max(largest, std::abs(result.back()));
  }
  double square = 0;
  for (const double value : result) square += (value / largest) * (value / largest);
  for (double& value : result) value = value / largest / std::sqrt(square);
  return result;
}

}  // namespace

double pearson(Scores x, Scores y) {
  check(x, y);
  if (constant(x) || constant(y)) return std::numeric_limits<double>::quiet_NaN();
  const auto a = centred(x), b = centred(y);
  const double r = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  return std::isnan(r) ? r : std::clamp(r, -1.0, 1.0);  // rounding may leave the interval by an ulp
}

std::vector<double> average_ranks(Scores x) {
  const auto n = x.size();
  if (std::any_of(x.begin(), x.end(), [](double value) { return std::isnan(value); }))
    return std::vector<double>(n, std::numeric_limits<double>::quiet_NaN());
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return x[a] < x[b]; });
  std::vector<double> ranks(n);
  for (std::size_t begin = 0; begin < n;) {
    std::size_t end = begin + 1;
    while (end < n && x[order[end]] == x[order[begin]]) ++end;
    const double rank = static_cast<double>(begin + 1 + end) / 2;  // mean of begin + 1 .. end
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

double spearman(Scores x, Scores y) {
  check(x, y);
  return pearson(average_ranks(x), average_ranks(y));
}

}  // namespace frugal::metrics
