// GGUF metadata as the content of a config.json. Internal to core/io: call GgufModel.
#pragma once

#include <nlohmann/json.hpp>

#include "core/io/gguf.h"

namespace frugal::io::detail {

// As GgufModel::open documents.
nlohmann::json gguf_config(const GgufFile& file);

// Llama 3's scaling of rotary frequencies, from the divisors that a file has in place of the parameters
// (rope_freqs.weight, one a pair of dimensions): the "rope_scaling" of config.json.
nlohmann::json llama3_rope_scaling(const GgufFile& file, const GgufTensor& divisors, double rope_theta,
                                   std::int64_t head_dim);

}  // namespace frugal::io::detail
