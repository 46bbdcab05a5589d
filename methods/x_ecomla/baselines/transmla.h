// TransMLA (arXiv 2502.07864): key heads merged into one latent, positions gathered in one head by RoRoPE, keys and
// values cut by principal components of their activations. Without training; the result is latent attention.
#pragma once

#include <ATen/core/Tensor.h>

#include "methods/method.h"
#include "methods/x_ecomla/baselines/options.h"
#include "methods/x_ecomla/baselines/rorope.h"
#include "methods/x_ecomla/convert.h"

namespace frugal::x_ecomla {

class TransMlaMethod final : public Method {
 public:
  explicit TransMlaMethod(TransMlaOptions options) : options_(std::move(options)) {}
  std::string_view name() const override { return "transmla"; }
  MethodTraits traits() const override {
    return {.trains = true, .needs_calibration = options_.layers != Json::array()};
  }
  using Method::apply;
  // Error(kUsage, "bad_value") naming the key, "missing_value" without texts, "method_does_not_fit".
  std::shared_ptr<LanguageModel> apply(std::shared_ptr<LanguageModel> model, const MethodContext& context) override;

 private:
  TransMlaOptions options_;
};

// The base's projections with the keys rotated, q [n_h d_h, d], k and v [n_kv d_h, d], fp64.
struct RotatedKeys {
  BaseProjections base;
  at::Tensor rotation;  // rorope's
  KeyShape shape;
};

// d_n = d_v = d_h. Queries get a part of d_r for the key that turns and are scaled by sqrt((d_h + d_r) / d_h).
// Only the d_r first of the rotated keys turn: latents are all others and the values, of full rank.
LatentWeights merged_weights(const RotatedKeys& keys);
// The same with the latents cut: K_nope divided by mean |K_nope| / (mean |V| balance), means over dimensions of norms
// over tokens, then the kv_rank principal components of [K_nope; V]. moment [d,d]: of the layer's inputs. query_rank 0:
// no compression, q_a is undefined. As in the authors' code |V| leaves out the first d_r dimensions. balance null: 1
// : 1.
LatentWeights balanced_weights(const RotatedKeys& keys, const at::Tensor& moment, int64_t kv_rank, int64_t query_rank,
                               std::optional<double> balance);

}  // namespace frugal::x_ecomla
