// What the layers of a model compute on calibration tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>

#include "methods/calibration_options.h"
#include "methods/method.h"
#include "models/language/decoder.h"

namespace frugal::x_ecomla {

// The context's tokens. Error(kUsage, "missing_value") with `why` in it where nobody gave any.
CalibrationTokens calibration_tokens(const MethodContext& context, const std::string& why);

// Of one layer's attention in one batch of n tokens: its input [n,d], and its query and key projections, before
// rotation, [n,*].
using Observer =
    std::function<void(int64_t layer, const at::Tensor& input, const at::Tensor& query, const at::Tensor& key)>;

// Runs the model, without gradients, over all sequences in batches, and calls `observe` for every layer of each.
void observe(Decoder& model, const CalibrationTokens& tokens, int64_t batch, const Observer& observe);

// Mean over tokens of x x^T, [d,d] fp64, for the input x of every layer's attention.
std::map<int64_t, at::Tensor> input_moments(Decoder& model, const CalibrationTokens& tokens, int64_t batch);

// exp of the mean of -log p over the tokens behind each sequence's first.
double perplexity(Decoder& model, const CalibrationTokens& tokens, int64_t batch);

}  // namespace frugal::x_ecomla
