// experiment=forward: one pass over the tensors of a file, outputs and captured activations to another.
#pragma once

#include "core/run/worker_loop.h"

namespace frugal {

void forward_experiment(run::RunContext& run);

}  // namespace frugal
