#include "models/language/preference_loss.h"

#include <ATen/ops/log_sigmoid.h>

namespace frugal {

PreferenceLoss preference_loss(const PreferencePairs& pairs, double beta) {
  const at::Tensor margins =
      beta * ((pairs.chosen - pairs.reference_chosen) - (pairs.rejected - pairs.reference_rejected));
  return {.loss = -at::log_sigmoid(margins).mean(), .margins = margins.detach()};
}

}  // namespace frugal
