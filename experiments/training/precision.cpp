#include "experiments/training/precision.h"

#include <ATen/Context.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"

namespace frugal {

Precision precision_named(const std::string& name) {
  if (name == "fp32") return Precision::kFp32;
  if (name == "tf32") return Precision::kTf32;
  if (name == "bf16") return Precision::kBf16;
  if (name == "fp16") return Precision::kFp16;
  throw Error(ErrorKind::kUsage, "bad_value", cat("there is no precision '", name, "'"), "experiment.precision",
              "fp32, tf32, bf16 or fp16");
}

at::ScalarType weight_type(const std::string& name) {
  if (name == "fp32") return at::kFloat;
  if (name == "fp64") return at::kDouble;
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp16") return at::kHalf;
  throw Error(ErrorKind::kUsage, "bad_value", cat("there is no type '", name, "' of weights"), {},
              "fp32, fp64, bf16 or fp16");
}

void check_precision(Precision precision, const at::Device& device) {
  if (device.is_cuda() || precision == Precision::kFp32 || precision == Precision::kBf16) return;
  throw Error(ErrorKind::kUsage, "precision_device", "TF32 and fp16 exist on CUDA only", "experiment.precision",
              "experiment.precision=fp32, or device=cuda");
}

PrecisionScope::PrecisionScope(Precision precision, const at::Device& device)
    : before_(device.type()), tf32_before_(at::globalContext().allowTF32CuBLAS()) {
  const bool mixed = precision == Precision::kBf16 || precision == Precision::kFp16;
  at::autocast::set_autocast_cache_enabled(false);
  at::autocast::set_autocast_enabled(device.type(), mixed);
  if (mixed) at::autocast::set_autocast_dtype(device.type(), precision == Precision::kBf16 ? at::kBFloat16 : at::kHalf);
  at::globalContext().setAllowTF32CuBLAS(precision == Precision::kTf32);
}

PrecisionScope::~PrecisionScope() {
  before_.restore();
  at::globalContext().setAllowTF32CuBLAS(tf32_before_);
}

LossScaler::LossScaler(Precision precision, const at::Device& device) : on_(precision == Precision::kFp16) {
  if (!on_) return;
  const at::TensorOptions on_device = at::TensorOptions(device);
  scale_ = at::full({}, 65536.0, on_device);
  growth_ = at::zeros({}, on_device.dtype(at::kInt));
  found_inf_ = at::zeros({}, on_device);
}

at::Tensor LossScaler::scale(const at::Tensor& loss) const {
  return on_ ? loss * scale_ : loss;
}

bool LossScaler::unscale(const std::vector<NamedTensor>& parameters) {
  if (!on_) return true;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : parameters) gradients.push_back(parameter.value.grad());
  found_inf_.zero_();
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_inf_, scale_.reciprocal());
  return found_inf_.item<float>() == 0;
}

void LossScaler::update() {
  if (on_) at::_amp_update_scale_(scale_, growth_, found_inf_, 2.0, 0.5, 2000);
}

double LossScaler::value() const {
  return on_ ? scale_.item<double>() : 1;
}

std::vector<NamedTensor> LossScaler::state() const {
  return on_ ? std::vector<NamedTensor>{{"scaler.scale", scale_}, {"scaler.growth", growth_}}
             : std::vector<NamedTensor>{};
}

void LossScaler::restore(const std::vector<NamedTensor>& state) {
  if (!on_) return;
  scale_.copy_(state.at(0).value);
  growth_.copy_(state.at(1).value);
}

}  // namespace frugal
