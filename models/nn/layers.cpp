#include "models/nn/layers.h"

#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/silu.h>

#include "core/error.h"

namespace frugal {

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return at::linear(x, weight, bias);
}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  const auto given = [](const at::Tensor& t) { return t.defined() ? std::optional(t) : std::nullopt; };
  return at::layer_norm(x, {x.size(-1)}, given(weight), given(bias), eps);
}

at::Tensor RmsNorm::operator()(const at::Tensor& x) const {
  return at::rms_norm(x, {x.size(-1)}, weight, eps);
}

Activation activation_named(std::string_view name) {
  if (name == "gelu") return [](const at::Tensor& x) { return at::gelu(x); };
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return [](const at::Tensor& x) { return at::gelu(x, "tanh"); };
  if (name == "relu") return [](const at::Tensor& x) { return at::relu(x); };
  if (name == "silu") return [](const at::Tensor& x) { return at::silu(x); };
  throw Error(ErrorKind::kBadData, "unknown_activation", cat("activation '", name, "' is not known"), "hidden_act",
              "gelu, gelu_new, gelu_pytorch_tanh, relu or silu");
}

}  // namespace frugal
