#include "metrics/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/philox.h"

namespace frugal::metrics {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

[[noreturn]] void bad_input(const std::string& message) {
  throw Error(ErrorKind::kUsage, "metric_input", message);
}

void check(std::size_t n, const BootstrapOptions& options) {
  if (n == 0 || n > UINT32_MAX) bad_input(cat("cannot resample ", n, " examples"));
  if (options.resamples == 0) bad_input("resamples must be at least 1");
  if (!(options.confidence > 0 && options.confidence < 1)) bad_input("confidence must lie between 0 and 1");
}

Interval percentiles(std::vector<double>& values, double confidence) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return {kNan, kNan};
  std::sort(values.begin(), values.end());
  const double tail = (1 - confidence) / 2;
  return {quantile_sorted(values, tail), quantile_sorted(values, 1 - tail)};
}

std::size_t examples_of(const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b) {
  if (a.empty() || b.empty() || a[0].empty()) bad_input("expected at least one seed and one example of each system");
  for (const auto* system : {&a, &b})
    for (const auto& seed : *system)
      if (seed.size() != a[0].size())
        bad_input(cat("expected ", a[0].size(), " examples under every seed, found ", seed.size()));
  return a[0].size();
}

// Mean over runs, each drawn with replacement, of the statistic of the drawn examples.
double resampled(std::size_t runs, const std::function<double(std::size_t run)>& statistic, Philox& random) {
  double sum = 0;
  for (std::size_t s = 0; s < runs; ++s) sum += statistic(random.below(static_cast<std::uint32_t>(runs)));
  return sum / static_cast<double>(runs);
}

double mean_of_runs(std::size_t runs, const std::function<double(std::size_t run)>& statistic) {
  double sum = 0;
  for (std::size_t s = 0; s < runs; ++s) sum += statistic(s);
  return sum / static_cast<double>(runs);
}

}  // namespace

double mean(std::span<const double> values) {
  if (values.empty()) bad_input("the mean of nothing");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_error(std::span<const double> values) {
  const double centre = mean(values);
  if (values.size() == 1) return kNan;
  double square = 0;
  for (const double value : values) square += (value - centre) * (value - centre);
  const auto n = static_cast<double>(values.size());
  return std::sqrt(square / (n - 1) / n);
}

Interval bootstrap(std::size_t n, const Statistic& statistic, const BootstrapOptions& options) {
  check(n, options);
  std::vector<double> values;
  std::vector<std::uint32_t> indices(n);
  for (std::size_t r = 0; r < options.resamples; ++r) {
    Philox random(options.seed, r);  // a stream a resample: more resamples leave the first ones as they are
    for (auto& index : indices) index = random.below(static_cast<std::uint32_t>(n));
    values.push_back(statistic(indices));
  }
  return percentiles(values, options.confidence);
}

Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options) {
  return bootstrap(
      values.size(),
      [&](std::span<const std::uint32_t> indices) {
        double sum = 0;
        for (const auto i : indices) sum += values[i];
        return sum / static_cast<double>(indices.size());
      },
      options);
}

PairedResult paired_bootstrap(const std::vector<PairedSet>& sets, const BootstrapOptions& options) {
  if (sets.empty()) bad_input("expected at least one set of examples");
  std::vector<std::vector<std::uint32_t>> indices;
  for (const PairedSet& set : sets) {
    check(set.n, options);
    if (set.runs_a == 0 || set.runs_b == 0) bad_input("expected at least one run of each system");
    std::vector<std::uint32_t>& all = indices.emplace_back(set.n);
    std::iota(all.begin(), all.end(), 0);
  }
  const auto score_of = [&](std::size_t set, std::size_t system) {
    return [&, set, system](std::size_t run) { return sets[set].statistic(system, run, indices[set]); };
  };
  const auto n_sets = static_cast<double>(sets.size());
  PairedResult result;
  for (std::size_t s = 0; s < sets.size(); ++s)
    result.difference +=
        (mean_of_runs(sets[s].runs_a, score_of(s, 0)) - mean_of_runs(sets[s].runs_b, score_of(s, 1))) / n_sets;
  std::vector<double> differences;
  for (std::size_t r = 0; r < options.resamples; ++r) {
    Philox random(options.seed, r);
    double sum = 0;
    for (std::size_t s = 0; s < sets.size(); ++s) {
      for (auto& index : indices[s]) index = random.below(static_cast<std::uint32_t>(sets[s].n));
      const double a = resampled(sets[s].runs_a, score_of(s, 0), random);
      sum += a - resampled(sets[s].runs_b, score_of(s, 1), random);
    }
    differences.push_back(sum / n_sets);
  }
  result.interval = percentiles(differences, options.confidence);  // without those that have no value
  const auto count = [&](auto test) { return std::count_if(differences.begin(), differences.end(), test); };
  const auto smaller = std::min(count([](double d) { return d <= 0; }), count([](double d) { return d >= 0; }));
  result.p_value = std::min(1.0, 2 * static_cast<double>(smaller + 1) / static_cast<double>(differences.size() + 1));
  return result;
}

PairedResult paired_bootstrap(const std::vector<std::vector<double>>& scores_a,
                              const std::vector<std::vector<double>>& scores_b, const BootstrapOptions& options) {
  const auto n = examples_of(scores_a, scores_b);
  const auto mean_of = [&](std::size_t system, std::size_t run, std::span<const std::uint32_t> indices) {
    const auto& scores = (system == 0 ? scores_a : scores_b)[run];
    double sum = 0;
    for (const auto i : indices) sum += scores[i];
    return sum / static_cast<double>(indices.size());
  };
  return paired_bootstrap({{.n = n, .runs_a = scores_a.size(), .runs_b = scores_b.size(), .statistic = mean_of}},
                          options);
}

}  // namespace frugal::metrics
