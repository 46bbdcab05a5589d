// experiment=language_modelling: perplexity of a language model over whole texts, and its divergence from a teacher.
#pragma once

#include "core/run/worker_loop.h"

namespace frugal {

void language_modelling(run::RunContext& run);

}  // namespace frugal
