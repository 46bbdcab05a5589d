// experiment=profile: latency and memory of a model with a method, beside a baseline measured in the same minute.
#pragma once

#include "core/run/worker_loop.h"

namespace frugal {

// Records one row a (mode, batch, length, subject) in /samples, the same figures as metrics, and every timing.
void profile_experiment(run::RunContext& run);

}  // namespace frugal
