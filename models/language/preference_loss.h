// Direct preference optimisation (Rafailov et al., 2023), as X-EcoMLA's second stage uses it.
#pragma once

#include <ATen/core/Tensor.h>

namespace frugal {

// Log-probabilities of whole answers, summed over their tokens, [B] each: of the model that trains and of the frozen
// reference, for the preferred and for the rejected answer.
struct PreferencePairs {
  at::Tensor chosen, rejected, reference_chosen, reference_rejected;
};

struct PreferenceLoss {
  at::Tensor loss;     // mean of -log sigma(margin); ln 2 where the model equals the reference
  at::Tensor margins;  // [B], beta ((chosen - reference_chosen) - (rejected - reference_rejected)); no gradient
};
PreferenceLoss preference_loss(const PreferencePairs& pairs, double beta);

}  // namespace frugal
