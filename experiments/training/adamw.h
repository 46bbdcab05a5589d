// AdamW in the two forms of the field.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/nn/parameters.h"

namespace frugal {

//   hf     transformers' (the one MEFT used): denominator sqrt(v) + eps before bias correction, decay after the update
//   torch  torch.optim.AdamW: decay first, eps after bias correction
enum class AdamWForm { kHuggingFace, kTorch };

struct AdamWOptions {
  AdamWForm form = AdamWForm::kHuggingFace;
  double beta1 = 0.9, beta2 = 0.98, eps = 1e-6, weight_decay = 0.1;
};

class AdamW {
 public:
  // No decay on biases and on norms' weights (names ending in "bias" or holding "LayerNorm" or "norm").
  AdamW(std::vector<NamedTensor> parameters, const AdamWOptions& options);
  // One update with the gradients in `.grad`. A parameter without gradient is an error: it would silently not train.
  void step(double learning_rate);
  // Gradients are kept allocated from step to step, so that memory measured in a step is activations only.
  void zero_grad();

  const std::vector<NamedTensor>& parameters() const { return parameters_; }
  int64_t steps_done() const { return steps_; }
  // First and second moments under "<name>.m" and "<name>.v".
  std::vector<NamedTensor> state() const;
  void restore(const std::vector<NamedTensor>& state, int64_t steps_done);
  int64_t state_bytes() const;

 private:
  struct Group {
    std::vector<at::Tensor> values, m, v;
    double weight_decay = 0;
  };
  void step_group(Group& group, double learning_rate);

  AdamWOptions options_;
  std::vector<NamedTensor> parameters_;
  Group decayed_, plain_;
  std::vector<NamedTensor> state_;
  int64_t steps_ = 0;
};

// Scales all gradients so that their joint norm is at most max_norm (0: leaves them); returns the norm before, as a
// scalar tensor on the parameters' device. As torch.nn.utils.clip_grad_norm_.
at::Tensor clip_gradients(const std::vector<NamedTensor>& parameters, double max_norm);

}  // namespace frugal
