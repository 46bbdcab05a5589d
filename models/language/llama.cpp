// Llama (Touvron et al., 2023), Mistral and Qwen2.
#include "core/error.h"
#include "models/language/architectures.h"
#include "models/language/builder.h"
#include "models/language/grouped_attention.h"
#include "models/language/latent_layer.h"
#include "models/language/partial_rope_attention.h"

namespace frugal {
namespace {

std::unique_ptr<Attention> load_attention(DecoderBuilder& build, const LlamaConfig& c, int64_t index,
                                          const std::shared_ptr<const Rotary>& rotary) {
  const int64_t d = c.hidden_size, heads = c.num_attention_heads * c.head_size(), shared = c.kv_heads() * c.head_size();
  const std::string prefix = cat("model.layers.", index, ".self_attn.");
  const bool bias = c.query_key_value_bias();
  Linear q = build.linear(prefix + "q_proj", heads, d, bias);
  Linear k = build.linear(prefix + "k_proj", shared, d, bias);
  Linear v = build.linear(prefix + "v_proj", shared, d, bias);
  Linear o = build.linear(prefix + "o_proj", d, heads, bias && c.model_type != "qwen2");
  return std::make_unique<GroupedAttention>(index,
                                            GroupedAttentionSpec{.heads = c.num_attention_heads,
                                                                 .kv_heads = c.kv_heads(),
                                                                 .head_size = c.head_size(),
                                                                 .window = c.window(index),
                                                                 .rotary = rotary,
                                                                 .dropout = c.attention_dropout},
                                            std::move(q), std::move(k), std::move(v), std::move(o));
}

// What takes the place of grouped-query attention; null members: nothing does.
struct Replacements {
  std::optional<LatentLayers> latent;
  const MlaConfig* mla = nullptr;
  const PartialRopeConfig* partial_rope = nullptr;
};

std::unique_ptr<Attention> replaced_attention(DecoderBuilder& build, const LlamaConfig& c, int64_t index,
                                              const std::shared_ptr<const Rotary>& rotary, const Replacements& with) {
  const auto take = [&](const std::string& name, at::IntArrayRef shape, Init init) {
    return build.take(name, shape, init);
  };
  if (with.mla != nullptr && with.mla->converts(index)) return with.latent->make(index, take);
  if (with.partial_rope != nullptr && with.partial_rope->converts(index))
    return make_partial_rope(index, *with.partial_rope, c, rotary, take);
  return load_attention(build, c, index, rotary);
}

DecoderLayer load_layer(DecoderBuilder& build, const LlamaConfig& c, int64_t index,
                        const std::shared_ptr<const Rotary>& rotary, const Replacements& with) {
  const int64_t d = c.hidden_size;
  const bool mlp_bias = c.model_type == "llama" && c.mlp_bias;
  const std::string prefix = cat("model.layers.", index, ".");
  DecoderLayer layer;
  layer.attention_norm = build.rms_norm(prefix + "input_layernorm", d, c.rms_norm_eps);
  layer.attention = replaced_attention(build, c, index, rotary, with);
  layer.mlp_norm = build.rms_norm(prefix + "post_attention_layernorm", d, c.rms_norm_eps);
  Linear gate = build.linear(prefix + "mlp.gate_proj", c.intermediate_size, d, mlp_bias);
  Linear up = build.linear(prefix + "mlp.up_proj", c.intermediate_size, d, mlp_bias);
  Linear down = build.linear(prefix + "mlp.down_proj", d, c.intermediate_size, mlp_bias);
  layer.mlp =
      std::make_unique<GatedMlp>(std::move(gate), std::move(up), std::move(down), activation_named(c.hidden_act));
  return layer;
}

}  // namespace

std::shared_ptr<Decoder> make_llama(const LlamaConfig& c, const Json& checkpoint_config, Weights& weights,
                                    const MlaConfig* mla, const PartialRopeConfig* partial_rope) {
  weights.set_optional_prefix("model.");
  return std::make_shared<Decoder>([&](ParameterSet& parameters) {
    DecoderBuilder build(weights, parameters);
    const auto rotary = std::make_shared<const Rotary>(c.rope, c.head_size());
    Replacements with{.latent = {}, .mla = mla, .partial_rope = partial_rope};
    if (mla != nullptr) with.latent.emplace(*mla, c);
    DecoderParts parts{.architecture = c.model_type,
                       .config = {.layers = c.num_hidden_layers,
                                  .hidden_size = c.hidden_size,
                                  .heads = c.num_attention_heads,
                                  .kv_heads = c.kv_heads(),
                                  .head_size = c.head_size(),
                                  .intermediate_size = c.intermediate_size,
                                  .vocabulary = c.vocab_size,
                                  .max_positions = c.max_position_embeddings},
                       .checkpoint_config = checkpoint_config};
    if (mla != nullptr) parts.files = mla_files(*mla, c);
    parts.words = build.take("model.embed_tokens.weight", {c.vocab_size, c.hidden_size}, Init::kNormal);
    for (int64_t i = 0; i < c.num_hidden_layers; ++i) parts.layers.push_back(load_layer(build, c, i, rotary, with));
    parts.final_norm = build.rms_norm("model.norm", c.hidden_size, c.rms_norm_eps);
    parts.head = build.head(parts.words, c.tie_word_embeddings, checkpoint_config);
    // Old checkpoints store the frequencies of every layer; a tied output layer is stored by some.
    std::vector<std::string> unread = {"rotary_emb.inv_freq"};
    if (c.tie_word_embeddings) unread.emplace_back("lm_head.weight");
    weights.finish(unread);
    return parts;
  });
}

}  // namespace frugal
