// Repetitions of one config under several seeds, put together: what a sweep with hydra.sweep.seeds is for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/results/index.h"

namespace frugal::results {

struct Aggregate {
  std::string overrides;  // what the user gave for these runs, without the seed, separated by spaces
  std::string metric, unit;
  std::int64_t runs = 0;  // of this config, whatever became of them
  std::int64_t n = 0;     // of them done, with a finite value of the metric: what the figures below are made of
  double mean = 0;
  double std = 0;                  // sample standard deviation (n - 1), NaN for n = 1
  double ci_low = 0, ci_high = 0;  // 95 % interval of the mean: mean -+ t(0.975, n - 1) std / sqrt(n), NaN for n = 1
};

// Runs belong together when their configs are equal but for `seed` and the nodes `hydra` and `user`. One row a metric
// and group of more than one run, in the order of their first run. A metric without a finite value gets no row.
std::vector<Aggregate> aggregate(const std::vector<RunEntry>& entries);

// As columns overrides, metric, unit, runs, n, mean, std, ci_low, ci_high: the data set /aggregate of index.h5.
RunTable aggregate_table(const std::vector<Aggregate>& rows);

}  // namespace frugal::results
