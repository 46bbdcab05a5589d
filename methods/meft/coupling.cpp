#include "methods/meft/coupling.h"

#include <torch/csrc/autograd/autograd.h>

namespace frugal::meft {
Streams forward(const Coupling& layer, const Streams& in) {
  const at::Tensor y1 = layer.lambda * in.h1 + layer.f(in.h2);
  const at::Tensor y2 = layer.beta * in.h2 + layer.g(y1);
  return layer.swap ? Streams{y2, y1} : Streams{y1, y2};
}

LocalGradient local_gradient(const Function& function, const at::Tensor& input, const at::Tensor& d_output,
                             const std::vector<at::Tensor>& parameters, std::vector<at::Tensor>& d_parameters) {
  const at::AutoGradMode grad(true);
  const at::Tensor leaf = input.detach().requires_grad_(true);
  const at::Tensor value = function(leaf);
  std::vector<at::Tensor> wanted = {leaf};
  wanted.insert(wanted.end(), parameters.begin(), parameters.end());
  const auto gradients =
      torch::autograd::grad({value}, wanted, {d_output.to(value.scalar_type())}, /*retain_graph=*/false,
                            /*create_graph=*/false, /*allow_unused=*/true);
  d_parameters.resize(parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i)
    if (gradients[i + 1].defined())
      d_parameters[i] = d_parameters[i].defined() ? d_parameters[i] + gradients[i + 1] : gradients[i + 1];
  return {.value = value.detach(), .d_input = gradients[0]};
}

Inverted invert(const Coupling& layer, const Streams& out, const Streams& d_out) {
  Inverted result;
  const at::Tensor& y1 = layer.swap ? out.h2 : out.h1;
  const at::Tensor& y2 = layer.swap ? out.h1 : out.h2;
  const at::Tensor& dy2 = layer.swap ? d_out.h1 : d_out.h2;
  at::Tensor dy1 = layer.swap ? d_out.h2 : d_out.h1;

  // G first: its gradient takes the incoming dy2, F's takes the updated dy1 (spec 2.5).
  const LocalGradient g = local_gradient(layer.g, y1, dy2, layer.parameters, result.d_parameters);
  dy1 = dy1 + g.d_input;
  result.in.h2 = (y2 - g.value) / layer.beta;
  const LocalGradient f = local_gradient(layer.f, result.in.h2, dy1, layer.parameters, result.d_parameters);
  result.in.h1 = (y1 - f.value) / layer.lambda;
  result.d_in = {.h1 = layer.lambda * dy1, .h2 = layer.beta * dy2 + f.d_input};
  return result;
}

}  // namespace frugal::meft
