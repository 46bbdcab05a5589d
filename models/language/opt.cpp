// OPT (Zhang et al., 2022): learned positions, LayerNorm before or after, ReLU MLP.
#include "core/error.h"
#include "models/language/architectures.h"
#include "models/language/builder.h"
#include "models/language/grouped_attention.h"

namespace frugal {
namespace {

// fairseq kept two rows before the first position.
constexpr int64_t kPositionOffset = 2;

DecoderLayer load_layer(DecoderBuilder& build, const OptConfig& c, int64_t index) {
  const int64_t d = c.hidden_size;
  const std::string prefix = cat("model.decoder.layers.", index, ".");
  DecoderLayer layer;
  Linear k = build.linear(prefix + "self_attn.k_proj", d, d, c.enable_bias);
  Linear v = build.linear(prefix + "self_attn.v_proj", d, d, c.enable_bias);
  Linear q = build.linear(prefix + "self_attn.q_proj", d, d, c.enable_bias);
  Linear o = build.linear(prefix + "self_attn.out_proj", d, d, c.enable_bias);
  layer.attention = std::make_unique<GroupedAttention>(index,
                                                       GroupedAttentionSpec{.heads = c.num_attention_heads,
                                                                            .kv_heads = c.num_attention_heads,
                                                                            .head_size = d / c.num_attention_heads,
                                                                            .dropout = c.attention_dropout},
                                                       std::move(q), std::move(k), std::move(v), std::move(o));
  layer.attention_norm = build.layer_norm(prefix + "self_attn_layer_norm", d, c.layer_norm_elementwise_affine);
  Linear first = build.linear(prefix + "fc1", c.ffn_dim, d, c.enable_bias);
  Linear second = build.linear(prefix + "fc2", d, c.ffn_dim, c.enable_bias);
  layer.mlp = std::make_unique<PlainMlp>(std::move(first), std::move(second), activation_named(c.activation_function));
  layer.mlp_norm = build.layer_norm(prefix + "final_layer_norm", d, c.layer_norm_elementwise_affine);
  return layer;
}

DecoderParts opt_parts(const OptConfig& c, const Json& checkpoint_config, Weights& weights, ParameterSet& parameters) {
  const int64_t d = c.hidden_size, narrow = c.embedding_size();
  DecoderBuilder build(weights, parameters);
  DecoderParts parts{.architecture = "opt",
                     .config = {.layers = c.num_hidden_layers,
                                .hidden_size = d,
                                .heads = c.num_attention_heads,
                                .kv_heads = c.num_attention_heads,
                                .head_size = d / c.num_attention_heads,
                                .intermediate_size = c.ffn_dim,
                                .vocabulary = c.vocab_size,
                                .max_positions = c.max_position_embeddings},
                     .checkpoint_config = checkpoint_config,
                     .position_offset = kPositionOffset,
                     .norm_first = c.do_layer_norm_before,
                     .dropout = c.dropout};
  parts.words = build.take("model.decoder.embed_tokens.weight", {c.vocab_size, narrow}, Init::kNormal);
  parts.learned_positions = build.take("model.decoder.embed_positions.weight",
                                       {c.max_position_embeddings + kPositionOffset, d}, Init::kNormal);
  if (narrow != d) {
    parts.project_in = build.linear("model.decoder.project_in", d, narrow, false);
    parts.project_out = build.linear("model.decoder.project_out", narrow, d, false);
  }
  for (int64_t i = 0; i < c.num_hidden_layers; ++i) parts.layers.push_back(load_layer(build, c, i));
  if (c.do_layer_norm_before && !c.remove_final_layer_norm)
    parts.final_norm = build.layer_norm("model.decoder.final_layer_norm", d, c.layer_norm_elementwise_affine);
  parts.head = build.head(parts.words, c.tie_word_embeddings, checkpoint_config);
  weights.finish(c.tie_word_embeddings ? std::vector<std::string>{"lm_head.weight"} : std::vector<std::string>{});
  return parts;
}

}  // namespace

std::shared_ptr<Decoder> make_opt(const OptConfig& c, const Json& checkpoint_config, Weights& weights) {
  weights.set_optional_prefix("model.");
  return std::make_shared<Decoder>(
      [&](ParameterSet& parameters) { return opt_parts(c, checkpoint_config, weights, parameters); });
}

}  // namespace frugal
