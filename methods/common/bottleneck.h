// The bottleneck adapter shared by MEFT and by the adapter baselines.
#pragma once

#include <string>

#include "models/nn/layers.h"
#include "models/nn/pass.h"
#include "models/text_encoder.h"

namespace frugal {

struct BottleneckOptions {
  int64_t dim = 8;          // r
  double init = 0.02;       // standard deviation of both matrices; biases start at 0
  double dropout = 0;       // inside, after the activation
  bool layer_norm = false;  // before the first matrix
  bool zero_up = false;     // second matrix starts at 0 (Houlsby-style baselines); MEFT: false
  DropoutSite site = DropoutSite::kAdapter;
};

// A(x) = W2 dropout(act(W1 [LN](x) + b1)) + b2, W1 [r,d], W2 [d,r]. No residual inside, no scale (spec meft 2.2).
class Bottleneck {
 public:
  // Adds `<prefix>.dense1.*`, `<prefix>.dense2.*` (and `<prefix>.LayerNorm.*`) to the model's parameters.
  Bottleneck(TextEncoder& model, const std::string& prefix, int64_t layer, const BottleneckOptions& options,
             uint64_t seed);
  at::Tensor operator()(const at::Tensor& x, const Pass& pass) const;

 private:
  Linear down_, up_;
  LayerNorm norm_;
  Activation activation_;
  BottleneckOptions options_;
  int64_t layer_;
};

// A new trainable parameter of the model, on the device and of the type of the model's other parameters.
at::Tensor add_parameter(TextEncoder& model, const std::string& name, at::Tensor value);

}  // namespace frugal
