// The MLP of one decoder layer behind a small interface, so that a method can put experts in its place.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/language/attention.h"
#include "models/nn/layers.h"

namespace frugal {

class Mlp {
 public:
  virtual ~Mlp() = default;
  // x [B,T,d], after the layer's norm -> [B,T,d]. Passes the hook point `intermediate` of `layer`.
  virtual at::Tensor forward(const at::Tensor& x, int64_t layer, const TokenContext& context) = 0;
};

// down(act(gate(x)) * up(x)); SwiGLU (Shazeer, 2020) with SiLU.
class GatedMlp final : public Mlp {
 public:
  GatedMlp(Linear gate, Linear up, Linear down, Activation activation);
  at::Tensor forward(const at::Tensor& x, int64_t layer, const TokenContext& context) override;
  const Linear& gate() const { return gate_; }
  const Linear& up() const { return up_; }
  const Linear& down() const { return down_; }

 private:
  Linear gate_, up_, down_;
  Activation activation_;
};

// second(act(first(x)))
class PlainMlp final : public Mlp {
 public:
  PlainMlp(Linear first, Linear second, Activation activation);
  at::Tensor forward(const at::Tensor& x, int64_t layer, const TokenContext& context) override;

 private:
  Linear first_, second_;
  Activation activation_;
};

}  // namespace frugal
