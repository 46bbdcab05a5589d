// Sweepers that search: random, Sobol' points, and a tree-structured Parzen estimator (TPE).
// Everything follows from the seed, the trial's number and the results so far, so that a sweep that was cut off goes on
// where it stopped by asking again.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/config/sweep.h"

namespace frugal::config {

enum class SearchMethod { kRandom, kSobol, kTpe };

struct SearchOptions {
  SearchMethod method = SearchMethod::kRandom;
  std::uint64_t seed = 0;
  std::size_t trials = 20;
  bool minimize = true;
  std::string metric;  // of a run, what the search looks at; empty for the sweepers that look at none
};

// One swept key: a list of values, or an interval (integer ends make integers, tag(log, ...) a logarithmic scale).
struct SearchAxis {
  std::string key;
  std::vector<std::string> values;
  double low = 0, high = 0;
  bool integral = false;
  bool logarithmic = false;

  // The value at a point of [0, 1), and the point of a value.
  std::string at(double point) const;
  double point_of(const std::string& value) const;
  bool is_interval() const { return values.empty(); }
};

struct SearchSpace {
  JobOverrides fixed;  // overrides that are not swept
  std::vector<SearchAxis> axes;
};

struct Trial {
  JobOverrides overrides;
  std::optional<double> objective;  // none while running, and for a failed run
};

// None when hydra/sweeper is not one of the searching ones.
std::optional<SearchOptions> search_options(const Composition& composition);
SearchSpace search_space(const ComposeRequest& request, const Composition& composition);
// The jobs that follow the trials so far, at most `count` and never beyond options.trials in all.
std::vector<JobOverrides> next_jobs(const SearchSpace& space, const SearchOptions& options,
                                    std::span<const Trial> trials, std::size_t count);

}  // namespace frugal::config
