#include "models/text_encoder.h"

#include <limits>

namespace frugal {

at::Tensor additive_mask(const at::Tensor& attention_mask, at::ScalarType type) {
  if (!attention_mask.defined()) return {};
  const double lowest = type == at::kDouble ? std::numeric_limits<double>::lowest()
                        : type == at::kHalf ? -65504.0
                                            : static_cast<double>(std::numeric_limits<float>::lowest());
  at::Tensor mask = at::zeros(attention_mask.sizes(), attention_mask.options().dtype(type));
  mask.masked_fill_(attention_mask == 0, lowest);
  return mask.unsqueeze(1).unsqueeze(1);
}

TextOutputs TextEncoder::forward(const TextInputs& inputs, const Pass& pass) {
  const at::Tensor embedded = embed(inputs, pass);
  const at::Tensor mask = additive_mask(inputs.attention_mask, embedded.scalar_type());
  return read_out(run_layers(embedded, mask, pass), pass);
}

}  // namespace frugal
