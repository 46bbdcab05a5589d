// experiment=sleep: does nothing for a while, and records what a real experiment would. For trying out sweeps, clusters
// and the harness; it can be told to fail in every way that a real one does.
#pragma once

#include "core/run/worker_loop.h"

namespace frugal::cli {

void sleep_experiment(run::RunContext& context);

}  // namespace frugal::cli
