// config.json of decoder language models, as transformers writes it. Links no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/options.h"

namespace frugal {

// Rotary position embedding: `rope_parameters` (transformers 5) or `rope_theta` and `rope_scaling` (before).
struct RopeConfig {
  std::string rope_type = "default";
  double rope_theta = 10000;
  double factor = 1;                                        // linear, llama3, yarn
  double low_freq_factor = 1, high_freq_factor = 4;         // llama3
  std::optional<int64_t> original_max_position_embeddings;  // llama3, yarn; null: max_position_embeddings
  std::optional<double> attention_factor;                   // yarn; null: from factor and the mscales
  double beta_fast = 32, beta_slow = 1;                     // yarn
  std::optional<double> mscale, mscale_all_dim;             // yarn
  bool truncate = true;                                     // yarn: whole dimensions as bounds of the ramp
  double partial_rotary_factor = 1;                         // only 1: the whole head is rotated
};
const OptionTable<RopeConfig>& rope_options();

// Llama, Mistral and Qwen2: RMSNorm, rotary positions, gated MLP.
struct LlamaConfig {
  std::string model_type = "llama";
  int64_t vocab_size = 32000, hidden_size = 4096, intermediate_size = 11008;
  int64_t num_hidden_layers = 32, num_attention_heads = 32;
  std::optional<int64_t> num_key_value_heads;  // null: num_attention_heads
  std::optional<int64_t> head_dim;             // null: hidden_size / num_attention_heads
  int64_t max_position_embeddings = 2048;
  std::string hidden_act = "silu";
  double rms_norm_eps = 1e-6, initializer_range = 0.02, attention_dropout = 0;
  bool tie_word_embeddings = false;
  bool attention_bias = false, mlp_bias = false;  // Llama's; Qwen2 has a bias on queries, keys and values, always
  // Mistral's window; Qwen2's with use_sliding_window, on layers from max_window_layers on, or as layer_types says.
  std::optional<int64_t> sliding_window;
  bool use_sliding_window = false;
  int64_t max_window_layers = 28;
  std::optional<std::vector<std::string>> layer_types;  // full_attention | sliding_attention, one a layer
  double rope_theta = 10000;
  Json rope_scaling, rope_parameters;  // null, or an object as rope_options() has it

  // What the fields above come to.
  RopeConfig rope;
  int64_t kv_heads() const { return num_key_value_heads.value_or(num_attention_heads); }
  int64_t head_size() const { return head_dim.value_or(hidden_size / num_attention_heads); }
  bool query_key_value_bias() const { return model_type == "qwen2" || attention_bias; }
  // Tokens that a query of this layer sees, itself included; null: all before it.
  std::optional<int64_t> window(int64_t layer) const;
};
const OptionTable<LlamaConfig>& llama_config_options();

struct OptConfig {
  int64_t vocab_size = 50272, hidden_size = 768, num_hidden_layers = 12, ffn_dim = 3072, num_attention_heads = 12;
  int64_t max_position_embeddings = 2048;
  std::optional<int64_t> word_embed_proj_dim;  // null: hidden_size
  bool do_layer_norm_before = true;            // false: 350m
  bool remove_final_layer_norm = false;        // `_remove_final_layer_norm`
  bool enable_bias = true, layer_norm_elementwise_affine = true, tie_word_embeddings = true;
  std::string activation_function = "relu";
  double dropout = 0.1, attention_dropout = 0, init_std = 0.02;

  int64_t embedding_size() const { return word_embed_proj_dim.value_or(hidden_size); }
};
const OptionTable<OptConfig>& opt_config_options();

// Reads a parsed config.json whose model_type is llama, mistral or qwen2 (opt): a key that the file lacks has the
// default of that model_type in transformers, a key that the architecture does not use is left alone.
// Error(kBadData, "bad_config") with `where` for a wrong type, a value out of range, or sizes that do not fit;
// Error(kBadData, "unsupported_config") for rotary scalings of other models and for quantized weights.
LlamaConfig parse_llama_config(const Json& json, const std::string& model_type, const std::string& where);
OptConfig parse_opt_config(const Json& json, const std::string& where);

}  // namespace frugal
