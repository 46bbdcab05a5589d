#include "methods/x_ecomla/convert.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "core/error.h"
#include "methods/x_ecomla/activations.h"
#include "methods/x_ecomla/plan.h"

namespace frugal::x_ecomla {
namespace {

at::Tensor stacked(const at::Tensor& heads) {
  return heads.flatten(0, 1);
}

// [heads * n, r] -> the rows of each head, [heads, rows, r]
at::Tensor picked(const at::Tensor& up, int64_t heads, const std::vector<int64_t>& rows) {
  return up.view({heads, -1, up.size(1)}).index_select(1, at::tensor(rows, at::kLong).to(up.device()));
}

// As if every head were there n_h/n_kv times.
Decomposition repeated(Decomposition d, int64_t group) {
  const double root = std::sqrt(static_cast<double>(group));
  d.sigma = d.sigma * root;
  d.u = d.u / root;
  return d;
}

// One model's conversion.
class Conversion {
 public:
  Conversion(Decoder& model, const XEcomlaOptions& options, const MethodContext& context)
      : model_(model),
        options_(options),
        init_seed_(context.init_seed),
        base_(llama_config(model)),
        sizes_(attention_sizes(options, base_)),
        config_(make_plan(options, base_)) {
    for (const auto& [layer, ranks] : config_.layers) grouped(model, layer);
    if (options.init != "svd" || options.svd_metric != "activation" || config_.layers.empty()) return;
    moments_ = input_moments(model, calibration_tokens(context, "svd_metric=activation weighs errors by activations"),
                             options.calibration_batch_size);
  }

  MlaConfig run() {
    const bool is_svd = options_.init == "svd";
    if (is_svd && options_.ranks() != RankMode::kFixed) choose_ranks();
    // Frequencies of pairs are those of the targets, which the config must know before a layer is made.
    std::map<int64_t, LatentWeights> weights;
    for (const auto& [layer, ranks] : config_.layers) {
      if (is_svd) weights[layer] = decomposed(layer, ranks);
    }
    const LatentLayers layers(config_, base_);
    for (const auto& [layer, ranks] : config_.layers) exchange(layers, layer, is_svd ? &weights.at(layer) : nullptr);
    model_.set_checkpoint_files(mla_files(config_, base_));
    return config_;
  }

 private:
  Metric metric(int64_t layer) const {
    if (options_.svd_metric == "weight") return {};
    if (options_.svd_metric == "activation") return Metric::activations(moments_.at(layer));
    return Metric::gain(model_.parameters().get(cat("model.layers.", layer, ".input_layernorm.weight")));
  }

  Targets targets(int64_t layer) const {
    const GroupedAttention& attention = grouped(model_, layer);
    const BaseProjections given{attention.query().weight, attention.key().weight, attention.value().weight};
    if (options_.rotary() == RopeInit::kCode) return code_targets(given, sizes_);
    const Rotary rotary(base_.rope, base_.head_size());
    return pair_targets(given, sizes_, options_.rotary(), metric(layer), rotary.inverse_frequencies());
  }

  void choose_ranks() {
    std::vector<LayerEnergies> energies;
    for (const auto& [layer, ranks] : config_.layers)
      energies.push_back(layer_energies(targets(layer), metric(layer), sizes_));
    x_ecomla::choose_ranks(options_, energies, base_.num_hidden_layers, config_);
  }

  LatentWeights decomposed(int64_t layer, const MlaRanks& ranks) {
    const Targets t = targets(layer);
    if (!t.pairs.empty()) config_.pairs[layer] = t.pairs;
    LatentWeights w = latent_weights(t, ranks, options_.sigma(), metric(layer), sizes_);
    // Narrowed at once: in fp64 those of all layers would be several times the model.
    const auto narrow = [&](at::Tensor& x) { x = x.to(grouped(model_, layer).query().weight.options()).contiguous(); };
    for (at::Tensor* x : {&w.q_a, &w.q_b, &w.kv_a, &w.kv_b}) narrow(*x);
    return w;
  }

  void exchange(const LatentLayers& layers, int64_t layer, const LatentWeights* weights) {
    const at::Tensor output = grouped(model_, layer).output().weight;
    const at::TensorOptions type = output.options().requires_grad(false);
    put_latent_attention(model_, layers, layer, [&](const std::string& name, at::IntArrayRef shape, Init init) {
      if (name.ends_with(".out_proj.weight")) return output;
      if (init != Init::kNormal) return new_parameter(name, shape, init, 0, init_seed_).to(type);
      if (weights == nullptr)  // as PyTorch makes a linear layer
        return new_uniform(name, shape, 1 / std::sqrt(static_cast<double>(shape[1])), init_seed_).to(type);
      return weights->of(name);
    });
  }

  Decoder& model_;
  const XEcomlaOptions& options_;
  uint64_t init_seed_;
  LlamaConfig base_;
  AttentionSizes sizes_;
  MlaConfig config_;
  std::map<int64_t, at::Tensor> moments_;  // of svd_metric=activation
};

}  // namespace

LayerEnergies layer_energies(const Targets& targets, const Metric& metric, const AttentionSizes& sizes) {
  LayerEnergies out{.query = energies(metric.behind(stacked(targets.query))),
                    .key_value = energies(metric.behind(stacked(targets.key_value)))};
  const int64_t group = sizes.heads / sizes.kv_heads;
  for (double& energy : out.key_value) energy *= static_cast<double>(group);
  return out;
}

LatentWeights latent_weights(const Targets& t, const MlaRanks& ranks, SigmaSide side, const Metric& metric,
                             const AttentionSizes& sizes) {
  const int64_t group = sizes.heads / sizes.kv_heads;
  const Factors query = factors(decompose(metric.behind(stacked(t.query))), ranks.query, side);
  const Factors key_value = factors(repeated(decompose(metric.behind(stacked(t.key_value))), group), ranks.kv, side);
  std::vector<int64_t> rows = t.key_rows;
  rows.insert(rows.end(), t.value_rows.begin(), t.value_rows.end());
  return {.q_a = metric.before(query.down),
          .q_b = picked(query.up, sizes.heads, t.query_rows).flatten(0, 1),
          .kv_a = at::cat({metric.before(key_value.down), t.rope_key}),
          .kv_b = picked(key_value.up, sizes.kv_heads, rows).repeat_interleave(group, 0).flatten(0, 1)};
}

MlaConfig convert(Decoder& model, const XEcomlaOptions& options, const MethodContext& context) {
  const at::NoGradGuard no_grad;
  return Conversion(model, options, context).run();
}

}  // namespace frugal::x_ecomla
