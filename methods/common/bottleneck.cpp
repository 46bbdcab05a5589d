#include "methods/common/bottleneck.h"

#include "models/nn/dropout.h"
#include "models/nn/weights.h"

namespace frugal {

at::Tensor add_parameter(TextEncoder& model, const std::string& name, at::Tensor value) {
  const at::Tensor& peer = model.parameters().all().front().value;
  return model.parameters().add(name, value.to(peer.options()).set_requires_grad(true));
}

Bottleneck::Bottleneck(TextEncoder& model, const std::string& prefix, int64_t layer, const BottleneckOptions& options,
                       uint64_t seed)
    : activation_(activation_named(model.config().activation)), options_(options), layer_(layer) {
  const int64_t d = model.config().hidden_size, r = options.dim;
  const auto add = [&](const std::string& name, at::IntArrayRef shape, Init init) {
    const std::string full = prefix + name;
    return add_parameter(model, full, new_parameter(full, shape, init, options.init, seed));
  };
  if (options.layer_norm)
    norm_ = {.weight = add(".LayerNorm.weight", {d}, Init::kOnes),
             .bias = add(".LayerNorm.bias", {d}, Init::kZeros),
             .eps = model.config().layer_norm_eps};
  down_ = {.weight = add(".dense1.weight", {r, d}, Init::kNormal), .bias = add(".dense1.bias", {r}, Init::kZeros)};
  up_ = {.weight = add(".dense2.weight", {d, r}, options.zero_up ? Init::kZeros : Init::kNormal),
         .bias = add(".dense2.bias", {d}, Init::kZeros)};
}

at::Tensor Bottleneck::operator()(const at::Tensor& x, const Pass& pass) const {
  at::Tensor inner = activation_(down_(options_.layer_norm ? norm_(x) : x));
  if (pass.training) inner = keyed_dropout(inner, options_.dropout, pass.site_key(options_.site, layer_));
  return up_(inner);
}

}  // namespace frugal
