// Tiny random language models for tests, fp64 unless told otherwise.
#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randint.h>

#include <memory>

#include "models/language/load.h"

namespace frugal::testing {

// Two layers, width 16, 4 heads of 4 with 2 key heads, vocabulary 50; weights wide enough that every term counts.
// architecture: llama, mistral (window 4), qwen2 (window 3 on layer 1), opt.
inline std::shared_ptr<Decoder> tiny_language_model(const std::string& architecture = "llama", Json more = {},
                                                    at::ScalarType type = at::kDouble, uint64_t seed = 5) {
  Json config = {{"vocab_size", 50},
                 {"hidden_size", 16},
                 {"num_hidden_layers", 2},
                 {"num_attention_heads", 4},
                 {"max_position_embeddings", 64}};
  if (architecture == "opt") {
    config.update({{"ffn_dim", 32}, {"init_std", 0.3}, {"dropout", 0.0}});
  } else {
    config.update({{"intermediate_size", 32}, {"num_key_value_heads", 2}, {"initializer_range", 0.3}});
    if (architecture == "mistral") config["sliding_window"] = 4;
    if (architecture == "qwen2")
      config.update({{"use_sliding_window", true}, {"sliding_window", 3}, {"max_window_layers", 1}});
  }
  if (!more.is_null()) config.update(more);
  return load_language_model(architecture, "", config, type, seed).model;
}

inline at::Tensor tiny_ids(int64_t rows, int64_t columns, uint64_t seed = 11) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randint(0, 50, {rows, columns}, generator, at::kLong);
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace frugal::testing
