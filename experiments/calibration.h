// Texts for methods that look at activations before they are applied.
#pragma once

#include <functional>

#include "core/config/options.h"
#include "core/run/worker_loop.h"
#include "methods/method.h"
#include "models/language_model.h"
#include "models/options.h"

namespace frugal {

// Reads `method.calibration`: documents of its data set in an order drawn by the run's stream "calibration", packed
// into sequences, as many as its `tokens` take; with `random` ids of a uniform distribution. Empty where it names no
// data. The files read and the tokens' hash are recorded. Errors of load_documents; Error(kBadData,
// "too_few_sequences"); Error(kUsage, "bad_value") for sequences longer than the model's positions.
std::function<CalibrationTokens()> calibration_of(const Json& method, const ModelOptions& model,
                                                  const LanguageModelConfig& config, run::RunContext& run);

}  // namespace frugal
