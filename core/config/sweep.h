// From overrides with sweeps to the jobs of a multirun.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config/compose.h"

namespace frugal::config {

using JobOverrides = std::vector<std::string>;

struct SweepPlan {
  std::vector<JobOverrides> jobs;
  std::vector<std::size_t> batches;  // sizes, in order; their sum is the number of jobs
};

struct SweepOptions {
  std::optional<std::int64_t> max_batch_size;  // else hydra.sweeper.max_batch_size
  bool check_jobs = true;                      // compose every job, so that a mistake shows before the first one runs
};

// The jobs of the sweeper that the config chooses: `basic` (every combination), with hydra.sweep.zip, .filter and
// .seeds applied. `random`, `sobol` and `tpe` make their jobs one batch at a time: search_sweeper.h.
SweepPlan plan_sweep(const ComposeRequest& request, const SweepOptions& options = {});

}  // namespace frugal::config
