// One reversible layer: two streams, two functions (paper section 3.2; spec 2.1).
//   forward   y1 = lambda h1 + F(h2)      inverse   h2 = (y2 - G(y1)) / beta
//             y2 = beta h2 + G(y1)                  h1 = (y1 - F(h2)) / lambda
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "models/nn/pass.h"

namespace frugal::meft {

struct Streams {
  at::Tensor h1, h2;  // [B,S,d] each
};

// F or G of one layer, everything but the stream bound (layer, mask, pass). Takes and gives the type of the streams,
// whatever type it computes in.
using Function = std::function<at::Tensor(const at::Tensor&)>;

struct Coupling {
  Function f, g;
  double lambda = 0.1, beta = 1;
  bool swap = true;                    // the next layer gets (y2, y1)
  std::vector<at::Tensor> parameters;  // trainable tensors of f and g
};

// Differentiable. The output is swapped where the coupling says so.
Streams forward(const Coupling& layer, const Streams& in);

// One step of the reversible backward. out: what forward returned; d_out: gradients of the loss with respect to it.
struct Inverted {
  Streams in, d_in;
  std::vector<at::Tensor> d_parameters;  // beside coupling.parameters; undefined where unused
};
// Recovers the input in floating point. The graphs of F and G never live at the same time.
Inverted invert(const Coupling& layer, const Streams& out, const Streams& d_out);

// Gradient of one function at a known input: value (detached), input gradient, and adds to the parameters' gradients.
struct LocalGradient {
  at::Tensor value, d_input;
};
LocalGradient local_gradient(const Function& function, const at::Tensor& input, const at::Tensor& d_output,
                             const std::vector<at::Tensor>& parameters, std::vector<at::Tensor>& d_parameters);

}  // namespace frugal::meft
