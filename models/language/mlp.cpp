#include "models/language/mlp.h"

namespace frugal {

GatedMlp::GatedMlp(Linear gate, Linear up, Linear down, Activation activation)
    : gate_(std::move(gate)), up_(std::move(up)), down_(std::move(down)), activation_(activation) {}

at::Tensor GatedMlp::forward(const at::Tensor& x, int64_t layer, const TokenContext& context) {
  const at::Tensor inner = activation_(gate_(x)) * up_(x);
  return down_(context.hooks().run(HookPoint::kIntermediate, layer, x, inner, context.pass()));
}

PlainMlp::PlainMlp(Linear first, Linear second, Activation activation)
    : first_(std::move(first)), second_(std::move(second)), activation_(activation) {}

at::Tensor PlainMlp::forward(const at::Tensor& x, int64_t layer, const TokenContext& context) {
  const at::Tensor inner = activation_(first_(x));
  return second_(context.hooks().run(HookPoint::kIntermediate, layer, x, inner, context.pass()));
}

}  // namespace frugal
