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

// The jobs of the sweeper that the config chooses. `basic` makes every combination, the last override varying fastest:
//   hydra.sweep.zip=[a,b]       the n-th value of a goes with the n-th of b ([[a,b],[c,d]] for several pairs)
//   hydra.sweep.seeds=N         every combination N times, with seed=0 to seed=N-1
//   hydra.sweep.filter='EXPR'   only jobs whose config makes EXPR true (sweep_filter.h)
// `random`, `sobol` and `tpe` plan hydra.sweeper.n_trials jobs; tpe without results yet, see search_sweeper.h.
SweepPlan plan_sweep(const ComposeRequest& request, const SweepOptions& options = {});

// The overrides that a multirun sweeps over: hydra.sweeper.params, then the command line without hydra's own.
std::vector<std::string> sweep_overrides(const Composition& composition);
// Where globs look options up.
std::vector<std::shared_ptr<ConfigSource>> sweep_sources(const ComposeRequest& request);

}  // namespace frugal::config
