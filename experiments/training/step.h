// What every training step does, whoever trains: a loss, its gradients, and the memory that stays.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "experiments/training/adamw.h"
#include "experiments/training/precision.h"
#include "models/nn/parameters.h"

namespace frugal {

struct StepArithmetic {
  Precision precision = Precision::kFp32;
  const LossScaler& scaler;
  int64_t micro_batches = 1;  // the loss is divided by this, so that their gradients add up to a mean
};

// Computes `loss` (a scalar) under the precision and adds its gradients to the parameters' `.grad`. Returns the loss as
// it was before scaling and division.
at::Tensor forward_backward(const std::function<at::Tensor()>& loss, const StepArithmetic& arithmetic,
                            const at::Device& device);

// Bytes of all weights, and with an optimiser of the gradients of what it trains and of its state.
int64_t static_bytes(const ParameterSet& parameters, const AdamW* optimizer);

}  // namespace frugal
