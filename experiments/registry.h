// Every experiment that needs tensors, by the name in `experiment.name`.
#pragma once

#include "core/run/worker_loop.h"

namespace frugal {

// Error(kUsage, "unknown_experiment") for a name there is not.
void run_experiment(run::RunContext& run);

}  // namespace frugal
