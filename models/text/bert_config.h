// config.json of a BERT checkpoint. Links no LibTorch.
#pragma once

#include <filesystem>

#include "core/config/options.h"

namespace frugal {

struct BertConfig {
  int64_t vocab_size = 30522, hidden_size = 768, num_hidden_layers = 12, num_attention_heads = 12;
  int64_t intermediate_size = 3072, max_position_embeddings = 512, type_vocab_size = 2, pad_token_id = 0;
  std::string hidden_act = "gelu";
  double hidden_dropout_prob = 0.1, attention_probs_dropout_prob = 0.1, layer_norm_eps = 1e-12;
  double initializer_range = 0.02;
  std::optional<double> classifier_dropout;  // null: hidden_dropout_prob
};

// Names, ranges and help of the fields above, for config.json and for `model=...` alike.
const OptionTable<BertConfig>& bert_config_options();

// Reads a parsed config.json: keys that this architecture does not use are left alone, as the hub's files carry many.
// Error(kBadData, "unsupported_config") for relative positions and decoders, which are other networks.
// Error(kBadData, "bad_config") with `where` for a wrong type, a value out of range, or heads that do not divide d.
BertConfig parse_bert_config(const Json& json, const std::string& where);

}  // namespace frugal
