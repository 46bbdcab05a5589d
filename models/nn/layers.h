// The layers that every transformer is made of, as values that hold handles to the model's parameters.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/nn/parameters.h"

namespace frugal {

// y = x W^T + b, W [out,in]. bias may be undefined.
struct Linear {
  at::Tensor weight, bias;
  at::Tensor operator()(const at::Tensor& x) const;
};

// Over the last dimension. weight and bias may be undefined (1 and 0).
struct LayerNorm {
  at::Tensor weight, bias;
  double eps = 1e-12;
  at::Tensor operator()(const at::Tensor& x) const;
};

// x / sqrt(mean(x^2) + eps) * weight over the last dimension (Zhang and Sennrich, 2019). Statistics are at least fp32;
// rounded once, at the end, where transformers rounds a bf16 norm twice.
struct RmsNorm {
  at::Tensor weight;
  double eps = 1e-6;
  at::Tensor operator()(const at::Tensor& x) const;
};

// GELU with erf, GELU with tanh, ReLU, SiLU by config.json's name (gelu, gelu_new, gelu_pytorch_tanh, relu, silu).
// Error(kBadData, "unknown_activation") for another.
using Activation = at::Tensor (*)(const at::Tensor&);
Activation activation_named(std::string_view name);

}  // namespace frugal
