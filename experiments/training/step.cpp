#include "experiments/training/step.h"

namespace frugal {

at::Tensor forward_backward(const std::function<at::Tensor()>& loss, const StepArithmetic& arithmetic,
                            const at::Device& device) {
  const PrecisionScope scope(arithmetic.precision, device);
  at::Tensor value = loss();
  const at::Tensor scaled = arithmetic.scaler.scale(value / static_cast<double>(arithmetic.micro_batches));
  scaled.backward();
  return value;
}

int64_t static_bytes(const ParameterSet& parameters, const AdamW* optimizer) {
  int64_t bytes = 0;
  for (const auto& parameter : parameters.all()) bytes += static_cast<int64_t>(parameter.value.nbytes());
  if (optimizer == nullptr) return bytes;
  for (const auto& parameter : optimizer->parameters()) bytes += static_cast<int64_t>(parameter.value.nbytes());
  return bytes + optimizer->state_bytes();
}

}  // namespace frugal
