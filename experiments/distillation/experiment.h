// experiment=distillation: trains a language model, converted by a method, on the distribution of a teacher.
#pragma once

#include "core/run/worker_loop.h"

namespace frugal {

void distillation(run::RunContext& run);

}  // namespace frugal
