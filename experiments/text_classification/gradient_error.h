// How far a method's own backward pass is from plain autograd: what a reversible method must show before its figures
// are believed.
#pragma once

#include <cstdint>
#include <map>

#include "experiments/text_classification/evaluate.h"

namespace frugal {

// Relative Frobenius error, layer by layer, of the gradients of the trainable parameters, on one batch with the same
// dropout masks: |own - plain| / |plain|. Layer -1 holds what lies outside of the layer stack. Leaves all gradients 0.
std::map<int64_t, double> gradient_errors(TextEncoder& model, const Batch& batch, const Pass& pass, Precision precision,
                                          bool regression);

}  // namespace frugal
