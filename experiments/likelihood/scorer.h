// Log-likelihoods of continuations by a language model, with what contexts have in common computed once.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <vector>

#include "experiments/likelihood/plan.h"
#include "models/language_model.h"

namespace frugal {

struct ContinuationScore {
  double log_likelihood = 0;  // sum over the continuation's tokens, natural logarithm
  bool greedy = true;         // every token is the most probable one
};

// Scores of every item's continuations, in their order. after_batch(items done) may throw to stop.
// The model is on `device`. Softmax in fp32 (fp64 for fp64 models).
std::vector<std::vector<ContinuationScore>> score_items(LanguageModel& model, const std::vector<ScoringItem>& items,
                                                        const ScoringPlan& plan, const at::Device& device,
                                                        const std::function<void(std::size_t)>& after_batch = {});

}  // namespace frugal
