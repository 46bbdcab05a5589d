// The inner part of multi-head latent attention in its absorbed form: queries meet the cached latents directly.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/language/attention.h"

namespace frugal {

// softmax((q_latent . c + q_rope . k) * scale, over the visible tokens) c, where a token's row of `latents` is c, then
// k.
//   q_latent [B,T,H,r]    queries times the keys' up-projection of their head; any strides
//   q_rope   [B,T,H,dr]   turned; any strides
//   latents  [B,S,r+dr]   c after its norm and the one turned key of all heads; rows are contiguous, batches need not
//   be visibility            of T queries and S tokens (attention.h)
//   most_scores           that exist at a time: queries are taken in pieces
// -> [B,T,H,r], in the type of the queries. Scores and probabilities of fp16 and bf16 are fp32 in the softmax.
at::Tensor attend_latents(const at::Tensor& q_latent, const at::Tensor& q_rope, const at::Tensor& latents,
                          const Visibility& visibility, double scale, int64_t most_scores = int64_t{1} << 26);

// x [B,T,H,a] times the weights [H,a,b] of its head -> [B,T,H,b]; any strides.
at::Tensor by_head(const at::Tensor& x, const at::Tensor& weights);

}  // namespace frugal
