// Every experiment there is: its name, its keys, where it runs; and, in the workers, its procedure.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/config/options.h"
#include "core/run/worker_loop.h"

namespace frugal {

// The half that links no LibTorch.
struct ExperimentInfo {
  std::string_view name;  // `experiment.name`
  std::string_view summary;
  const std::vector<OptionInfo>& (*options)();
  bool plans = false;  // obeys Job::dry_run
  bool ranks = false;  // shares its batches among several processes
};
std::span<const ExperimentInfo> experiment_infos();

// The half of the programs that link LibTorch.
struct Experiment {
  std::string_view name;
  void (*run)(run::RunContext& run);
};
std::span<const Experiment> experiments();
// Runs the one that the job's config names. Error(kUsage, "unknown_experiment") for a name there is not.
void run_experiment(run::RunContext& run);

}  // namespace frugal
