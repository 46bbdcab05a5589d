// experiment=text_classification: fine-tunes (when the method trains) and scores a text classifier.
#pragma once

#include "core/run/worker_loop.h"

namespace frugal {

void text_classification(run::RunContext& run);

}  // namespace frugal
