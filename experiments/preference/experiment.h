// experiment=preference: direct preference optimisation of a language model, X-EcoMLA's second stage.
#pragma once

#include "core/run/worker_loop.h"

namespace frugal {

void preference(run::RunContext& run);

}  // namespace frugal
