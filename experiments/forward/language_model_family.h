// Language models for `frugal forward`: input_ids, attention_mask, position_ids -> last_hidden_state, logits.
#pragma once

#include "experiments/forward/family.h"

namespace frugal {

std::unique_ptr<ForwardModel> open_language_model(const ForwardRequest& request);

}  // namespace frugal
