// The decoders we know, built from their configs and weights, with tensor names as Hugging Face stores them.
#pragma once

#include <memory>

#include "models/language/config.h"
#include "models/language/decoder.h"
#include "models/language/mla_config.h"
#include "models/language/partial_rope_config.h"
#include "models/nn/weights.h"

namespace frugal {

// checkpoint_config: config.json as saving shall write it. A checkpoint of the decoder alone (names without "model.",
// no lm_head although embeddings are not tied) is a model without output layer. mla, partial_rope: null where every
// layer has the attention that config.json describes; not both. Errors: those of Weights.
std::shared_ptr<Decoder> make_llama(const LlamaConfig& config, const Json& checkpoint_config, Weights& weights,
                                    const MlaConfig* mla = nullptr, const PartialRopeConfig* partial_rope = nullptr);
std::shared_ptr<Decoder> make_opt(const OptConfig& config, const Json& checkpoint_config, Weights& weights);

}  // namespace frugal
