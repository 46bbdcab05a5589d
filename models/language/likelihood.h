// Log-probabilities of given tokens, for losses and for scoring, without logits [N,V] ever being stored whole.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/nn/layers.h"

namespace frugal {

// A target that does not count, as in transformers.
inline constexpr int64_t kIgnoredTarget = -100;
// Rows of logits that exist at a time.
inline constexpr int64_t kLikelihoodChunk = 256;

// log softmax(hidden W^T)[target] of every position, in fp32 (fp64 for fp64 models); 0 where the target is ignored.
// hidden [...,d]: the state that predicts the target, so that hidden_states(ids)[:, :-1] goes with ids[:, 1:].
// targets [...] int64 on the same device: kIgnoredTarget or 0..V-1. Differentiable with respect to hidden and the
// head's weight: logits are computed again, chunk by chunk, in the backward pass. Positions that are ignored cost
// nothing. chunk: rows of logits at a time, >= 1.
at::Tensor token_log_probabilities(const at::Tensor& hidden, const at::Tensor& targets, const Linear& head,
                                   int64_t chunk = kLikelihoodChunk);

// Mean of -log p over the targets that count; 0 without any.
at::Tensor cross_entropy(const at::Tensor& hidden, const at::Tensor& targets, const Linear& head,
                         int64_t chunk = kLikelihoodChunk);

// For scoring: the same log-probabilities, and whether the target is the most probable token (the first of several).
struct TokenScores {
  at::Tensor log_probabilities;  // [...] fp32 or fp64; 0 where ignored
  at::Tensor greedy;             // [...] bool; true where ignored
};
TokenScores score_tokens(const at::Tensor& hidden, const at::Tensor& targets, const Linear& head,
                         int64_t chunk = kLikelihoodChunk);

}  // namespace frugal
