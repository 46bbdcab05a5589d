// experiment=multiple_choice: accuracy of a language model on questions with choices, by the likelihood of each choice.
#pragma once

#include "core/run/worker_loop.h"

namespace frugal {

void multiple_choice(run::RunContext& run);

}  // namespace frugal
