// Text encoders for `frugal forward`: input_ids, attention_mask, token_type_ids -> last_hidden_state, pooler_output,
// logits.
#pragma once

#include "experiments/forward/family.h"

namespace frugal {

std::unique_ptr<ForwardModel> open_text_encoder(const ForwardRequest& request);

}  // namespace frugal
