// The arithmetic of a training step: fp32, TF32, autocast to bf16 or fp16 with loss scaling.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "models/nn/autocast_state.h"
#include "models/nn/parameters.h"

namespace frugal {

enum class Precision { kFp32, kTf32, kBf16, kFp16 };
Precision precision_named(const std::string& name);
// Of weights and arithmetic without autocast: fp32, fp64, bf16, fp16. Error(kUsage, "bad_value") for another name.
at::ScalarType weight_type(const std::string& name);
// TF32 and fp16 exist on CUDA only: Error(kUsage, "precision_device").
void check_precision(Precision precision, const at::Device& device);

// Autocast for the scope of a forward (and its backward). Its cache of converted weights is off: a weight converted
// under no_grad would be reused where a gradient is wanted, and lose it.
class PrecisionScope {
 public:
  PrecisionScope(Precision precision, const at::Device& device);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  AutocastState before_;
  bool tf32_before_;
};

// Scales the loss so that fp16 gradients do not vanish; PyTorch's rule (start 2^16, x2 every 2000 good steps, x0.5 at
// an overflow, whose step is skipped). Off (scale 1, nothing checked) for other precisions.
class LossScaler {
 public:
  LossScaler(Precision precision, const at::Device& device);
  at::Tensor scale(const at::Tensor& loss) const;
  // Divides the gradients; false when one is not finite: the step must be skipped.
  bool unscale(const std::vector<NamedTensor>& parameters);
  void update();
  double value() const;
  // Scale and count of good steps, for checkpoints; empty when off.
  std::vector<NamedTensor> state() const;
  void restore(const std::vector<NamedTensor>& state);

 private:
  bool on_;
  at::Tensor scale_, growth_, found_inf_;
};

}  // namespace frugal
