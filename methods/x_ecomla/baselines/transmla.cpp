#include "methods/x_ecomla/baselines/transmla.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/block_diag.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/matmul.h>

#include <cmath>

#include "core/error.h"
#include "core/log.h"
#include "methods/x_ecomla/activations.h"
#include "methods/x_ecomla/exchange.h"

namespace frugal::x_ecomla {
namespace {

[[noreturn]] void bad(const char* key, const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorKind::kUsage, "bad_value", message, cat("method.", key), hint);
}

// [n_kv a, b] -> [n_h, a, b]
at::Tensor each_query_head(const at::Tensor& rows, int64_t kv_heads, int64_t group) {
  return rows.view({kv_heads, -1, rows.size(1)}).repeat_interleave(group, 0);
}

// What attention is made of before it is cut.
struct Merged {
  at::Tensor query;     // [n_h d_h, d], without positions
  at::Tensor key_up;    // [n_h, d_h, n_kv d_h]: rotated keys to those of a query head
  at::Tensor rope_key;  // [d_r, d]
  at::Tensor latents;   // [2 n_kv d_h - d_r, d]: other keys, values
  at::Tensor up;        // [n_h 2 d_h, 2 n_kv d_h - d_r], rows of a head: key, value
};

Merged merge(const RotatedKeys& keys) {
  const KeyShape& s = keys.shape;
  const int64_t width = s.width(), rope = s.rope(), group = keys.base.q.size(0) / width;
  const at::Tensor k = at::matmul(keys.rotation.t(), keys.base.k);
  Merged m{.query = keys.base.q,
           .key_up = each_query_head(keys.rotation, s.kv_heads, group),
           .rope_key = k.narrow(0, 0, rope),
           .latents = at::cat({k.narrow(0, rope, width - rope), keys.base.v}),
           .up = {}};
  const at::Tensor values = each_query_head(at::eye(width, k.options()), s.kv_heads, group);
  const at::Tensor still = m.key_up.narrow(2, rope, width - rope);
  const at::Tensor key_rows = at::cat({still, at::zeros_like(values)}, 2);
  const at::Tensor value_rows = at::cat({at::zeros_like(still), values}, 2);
  m.up = at::cat({key_rows, value_rows}, 1).flatten(0, 1);
  return m;
}

// Rows of a head: queries without positions, then those for the key that turns; scaled, as the attention divides by
// sqrt(d_h + d_r). up: [n_h d_h, r], from the queries' latent or from x.
at::Tensor query_rows(const Merged& m, const at::Tensor& up, const KeyShape& s) {
  const at::Tensor heads = up.view({m.key_up.size(0), s.head, up.size(1)});
  const at::Tensor turning = at::matmul(m.key_up.narrow(2, 0, s.rope()).transpose(1, 2), heads);
  const double scale = std::sqrt(static_cast<double>(s.head + s.rope()) / static_cast<double>(s.head));
  return at::cat({heads, turning}, 1).flatten(0, 1) * scale;
}

// Of outputs W x: their second moment.
at::Tensor output_moment(const at::Tensor& weight, const at::Tensor& moment) {
  return at::matmul(at::matmul(weight, moment), weight.t());
}

// Columns, largest variance first.
at::Tensor principal_components(const at::Tensor& moment, int64_t count) {
  return std::get<1>(at::linalg_eigh(moment)).flip(1).narrow(1, 0, count);
}

// Factors [2 n_kv d_h - d_r] of the latents: 1 / ratio for keys, 1 for values.
at::Tensor balancing(const Merged& m, const at::Tensor& moment, const KeyShape& s, std::optional<double> balance) {
  const int64_t still = s.width() - s.rope();
  at::Tensor out = at::ones({2 * s.width() - s.rope()}, m.latents.options());
  if (!balance || still == 0) return out;
  const at::Tensor norms = at::matmul(m.latents, moment).mul(m.latents).sum(1).clamp_min(0).sqrt();
  const auto ratio = norms.narrow(0, 0, still).mean() / (norms.narrow(0, still + s.rope(), still).mean() * *balance);
  const double value = ratio.item<double>();
  if (!(value > 0) || !std::isfinite(value))
    throw Error(ErrorKind::kBadData, "no_activations", "keys or values are zero on the calibration tokens",
                "method.balance_kv_ratio", "method.balance_kv_ratio=null");
  out.narrow(0, 0, still).div_(value);
  return out;
}

// One model's conversion.
class Conversion {
 public:
  Conversion(Decoder& model, const TransMlaOptions& o, const MethodContext& context)
      : model_(model),
        options_(o),
        base_(llama_config(model)),
        layers_(chosen_layers(o.layers, base_.num_hidden_layers)),
        shape_{.kv_heads = base_.kv_heads(), .head = base_.head_size()} {
    check();
    for (const int64_t layer : layers_) grouped(model, layer);
    tokens_ = calibration_tokens(context, "TransMLA's principal components are of activations");
  }

  MlaConfig run() {
    const auto moments = input_moments(model_, tokens_, options_.calibration_batch_size);
    for (const int64_t layer : layers_) {
      const GroupedAttention& a = grouped(model_, layer);
      parts_[layer] = {
          .base = {a.query().weight.to(at::kDouble), a.key().weight.to(at::kDouble), a.value().weight.to(at::kDouble)},
          .rotation = {},
          .shape = {}};
      outputs_[layer] = a.output().weight;
      key_moments_[layer] = output_moment(parts_[layer].base.k, moments.at(layer));
    }
    choose_freqfold();
    const auto after = input_moments(model_, tokens_, options_.calibration_batch_size);
    const MlaConfig config = plan(options_.kv_lora_rank, options_.q_lora_rank.value_or(0));
    put(config, [&](int64_t layer) {
      return balanced_weights(parts_.at(layer), after.at(layer), options_.kv_lora_rank,
                              options_.q_lora_rank.value_or(0), options_.balance_kv_ratio);
    });
    model_.set_checkpoint_files(mla_files(config, base_));
    return config;
  }

 private:
  void check() {
    const int64_t head = shape_.head, rope = options_.qk_mqa_dim;
    if (rope % 2 != 0 || rope > head || head % rope != 0)
      bad("qk_mqa_dim", cat("qk_mqa_dim must be even and divide a head's ", head, ", found ", rope),
          cat("method.qk_mqa_dim=", head));
    shape_.collapse = head / rope;
    if (options_.freqfold && (*options_.freqfold % shape_.collapse != 0 || head / 2 % *options_.freqfold != 0))
      bad("freqfold", cat("freqfold must be a multiple of ", shape_.collapse, " that divides ", head / 2, ", found ",
                          *options_.freqfold));
    const int64_t full = 2 * shape_.width() - rope;
    if (options_.kv_lora_rank > full)
      bad("kv_lora_rank", cat("rank ", options_.kv_lora_rank, " of latents of width ", full),
          cat("method.kv_lora_rank=", full));
    const int64_t queries = base_.num_attention_heads * head;
    if (options_.q_lora_rank && *options_.q_lora_rank > queries)
      bad("q_lora_rank", cat("rank ", *options_.q_lora_rank, " of queries of width ", queries));
  }

  MlaConfig plan(int64_t kv_rank, int64_t query_rank) const {
    MlaConfig config{.nope = shape_.head, .rope = shape_.rope(), .value = shape_.head};
    config.nominal = {.query = query_rank, .kv = kv_rank};
    config.rotary.rope_theta = base_.rope.rope_theta;
    for (const int64_t layer : layers_) {
      config.layers[layer] = config.nominal;
      config.pairs[layer] = collapsed_pairs(shape_);
    }
    return config;
  }

  // Gives every layer the weights; grouped-query attention the first time, latent attention afterwards.
  void put(const MlaConfig& config, const std::function<LatentWeights(int64_t layer)>& weights) {
    const LatentLayers layers(config, base_);
    for (const int64_t layer : layers_) {
      const LatentWeights w = weights(layer);
      const at::Tensor output = outputs_.at(layer);
      put_latent_attention(model_, layers, layer, [&](const std::string& name, at::IntArrayRef, Init) {
        if (name.ends_with(".out_proj.weight")) return output;
        return w.of(name).to(output.options().requires_grad(false)).contiguous();
      });
    }
  }

  // The model with its keys rotated so, of which only the first d_r turn.
  void put_rotated(int64_t freqfold) {
    shape_.freqfold = freqfold;
    for (auto& [layer, part] : parts_) {
      part.shape = shape_;
      part.rotation = rorope(key_moments_.at(layer), shape_);
    }
    put(plan(2 * shape_.width() - shape_.rope(), 0), [&](int64_t layer) { return merged_weights(parts_.at(layer)); });
  }

  void choose_freqfold() {
    if (options_.freqfold) return put_rotated(*options_.freqfold);
    double best = 0;
    int64_t chosen = 0;
    for (int64_t fold = shape_.collapse; fold <= shape_.head / 2 && shape_.head / 2 % fold == 0; fold *= 2) {
      put_rotated(fold);
      const double found = perplexity(model_, tokens_, options_.calibration_batch_size);
      log::info("transmla: freqfold ", fold, ": perplexity ", found, " on the calibration tokens");
      if (chosen != 0 && found >= best) break;
      best = found;
      chosen = fold;
    }
    if (shape_.freqfold != chosen) put_rotated(chosen);
  }

  Decoder& model_;
  const TransMlaOptions& options_;
  LlamaConfig base_;
  std::vector<int64_t> layers_;
  KeyShape shape_;
  CalibrationTokens tokens_;
  std::map<int64_t, RotatedKeys> parts_;
  std::map<int64_t, at::Tensor> outputs_, key_moments_;
};

}  // namespace

LatentWeights merged_weights(const RotatedKeys& keys) {
  const Merged m = merge(keys);
  return {.q_a = {}, .q_b = query_rows(m, m.query, keys.shape), .kv_a = at::cat({m.latents, m.rope_key}), .kv_b = m.up};
}

LatentWeights balanced_weights(const RotatedKeys& keys, const at::Tensor& moment, int64_t kv_rank, int64_t query_rank,
                               std::optional<double> balance) {
  const Merged m = merge(keys);
  const at::Tensor factors = balancing(m, moment, keys.shape, balance);
  const at::Tensor latents = m.latents * factors.unsqueeze(1);
  const at::Tensor components = principal_components(output_moment(latents, moment), kv_rank);
  LatentWeights w{.q_a = {},
                  .q_b = query_rows(m, m.query, keys.shape),
                  .kv_a = at::cat({at::matmul(components.t(), latents), m.rope_key}),
                  .kv_b = at::matmul(m.up / factors, components)};
  if (query_rank == 0) return w;
  const at::Tensor directions = principal_components(output_moment(m.query, moment), query_rank);
  w.q_a = at::matmul(directions.t(), m.query);
  w.q_b = query_rows(m, directions, keys.shape);
  return w;
}

std::shared_ptr<LanguageModel> TransMlaMethod::apply(std::shared_ptr<LanguageModel> model,
                                                     const MethodContext& context) {
  const at::NoGradGuard no_grad;
  const auto decoder = llama_decoder(model, "TransMLA");
  if (!chosen_layers(options_.layers, decoder->config().layers).empty()) {
    const MlaConfig config = Conversion(*decoder, options_, context).run();
    log::info("transmla: ", config.layers.size(), " of ", decoder->config().layers, " layers, cache ",
              100 * cache_share(config, llama_config(*decoder)), " % of the base's");
  }
  decoder->parameters().set_trainable([](std::string_view) { return true; });
  return model;
}

}  // namespace frugal::x_ecomla
