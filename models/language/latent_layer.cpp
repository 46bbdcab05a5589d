#include "models/language/latent_layer.h"

#include <ATen/ops/tensor.h>

#include <cmath>

#include "core/error.h"

namespace frugal {
namespace {

constexpr double kLatentNormEps = 1e-6;

}  // namespace

std::string mla_prefix(int64_t layer) {
  return cat("model.layers.", layer, ".mla.");
}

LatentLayers::LatentLayers(const MlaConfig& config, const LlamaConfig& base)
    : config_(config),
      base_(base),
      shared_(std::make_shared<const Rotary>(config.rotary, config.rope,
                                             config.bf16_angles ? AngleType::kBFloat16 : AngleType::kFloat)) {}

std::shared_ptr<const Rotary> LatentLayers::rotary(int64_t layer) const {
  const auto pairs = config_.pairs.find(layer);
  if (pairs == config_.pairs.end()) return shared_;
  const Rotary whole(base_.rope, base_.head_size());
  return std::make_shared<const Rotary>(
      whole.inverse_frequencies().index_select(0, at::tensor(pairs->second, at::kLong)), whole.attention_factor());
}

std::unique_ptr<LatentAttention> LatentLayers::make(int64_t layer, const Take& take) const {
  const MlaConfig& c = config_;
  const int64_t d = base_.hidden_size, heads = base_.num_attention_heads;
  const MlaRanks ranks = c.layers.at(layer);
  const std::string prefix = mla_prefix(layer);
  const auto linear = [&](const char* name, int64_t out, int64_t in, bool bias) {
    Linear made{.weight = take(cat(prefix, name, ".weight"), {out, in}, Init::kNormal), .bias = {}};
    if (bias) made.bias = take(cat(prefix, name, ".bias"), {out}, Init::kZeros);
    return made;
  };
  const auto norm = [&](const char* name, int64_t width) -> std::optional<RmsNorm> {
    if (!c.latent_norm) return std::nullopt;
    return RmsNorm{.weight = take(cat(prefix, name, ".weight"), {width}, Init::kOnes), .eps = kLatentNormEps};
  };
  LatentProjections parts;
  if (ranks.query == 0) {
    parts.q_b = linear("q_proj", heads * (c.nope + c.rope), d, false);
  } else {
    parts.q_a = linear("q_a_proj", ranks.query, d, c.bias);
    parts.q_a_norm = norm("q_a_layernorm", ranks.query);
    parts.q_b = linear("q_b_proj", heads * (c.nope + c.rope), ranks.query, false);
  }
  parts.kv_a = linear("kv_a_proj_with_mqa", ranks.kv + c.rope, d, c.bias);
  parts.kv_a_norm = norm("kv_a_layernorm", ranks.kv);
  parts.kv_b = linear("kv_b_proj", heads * (c.nope + c.value), ranks.kv, false);
  parts.output = linear("out_proj", d, heads * c.value, c.bias);
  LatentAttentionSpec spec{.heads = heads,
                           .nope = c.nope,
                           .rope = c.rope,
                           .value = c.value,
                           .rotary = rotary(layer),
                           .window = base_.window(layer),
                           .dropout = base_.attention_dropout};
  if (c.softmax_factor != 1) spec.scale = c.softmax_factor / std::sqrt(static_cast<double>(c.nope + c.rope));
  return std::make_unique<LatentAttention>(layer, std::move(spec), std::move(parts));
}

}  // namespace frugal
