// How large a model is, and how much of it trains.
#pragma once

#include "core/run/worker_loop.h"
#include "models/model.h"

namespace frugal {

// The metrics parameters, trainable_parameters, trainable_share.
void record_parameters(const Model& model, run::RunContext& run);

}  // namespace frugal
