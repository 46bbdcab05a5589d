// The projections of multi-head latent attention from those of grouped-query attention (arXiv 2503.11132, Eq. 8-11).
#pragma once

#include <ATen/core/Tensor.h>

#include "methods/method.h"
#include "methods/x_ecomla/exchange.h"
#include "methods/x_ecomla/plan.h"
#include "methods/x_ecomla/svd.h"
#include "methods/x_ecomla/targets.h"
#include "models/language/decoder.h"
#include "models/language/mla_config.h"

namespace frugal::x_ecomla {

// Of the matrices that the layer's two SVDs are of, with keys and values repeated for every query head.
LayerEnergies layer_energies(const Targets& targets, const Metric& metric, const AttentionSizes& sizes);

// In fp64: q_b q_a and kv_b kv_a[:r_kv] are the best approximations of these ranks of the targets behind the metric,
// before rows are dropped. The key-value matrix is the one with repeated heads: singular values sqrt(n_h/n_kv) times
// those of [K;V], whose decomposition it shares. Ranks: at most those of the targets.
LatentWeights latent_weights(const Targets& targets, const MlaRanks& ranks, SigmaSide side, const Metric& metric,
                             const AttentionSizes& sizes);

// Puts latent attention in the layers that options.layers names, and exchanges their parameters; all others stay as
// they are. What saving needs to know goes into the model's checkpoint files. No layer: nothing changes. Error(kUsage,
// "method_does_not_fit") for attention with biases or layers that are not grouped-query attention; Error(kUsage,
// "bad_value") naming the key for sizes and ranks that do not fit.
// context: the seed of new weights; calibration tokens for svd_metric=activation.
MlaConfig convert(Decoder& model, const XEcomlaOptions& options, const MethodContext& context);

}  // namespace frugal::x_ecomla
