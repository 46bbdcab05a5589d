#include "experiments/training/adamw.h"

#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_zero.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "core/error.h"

namespace frugal {
namespace {

bool decays(const std::string& name) {
  return !name.ends_with("bias") && name.find("LayerNorm") == std::string::npos &&
         name.find("norm") == std::string::npos;
}

std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& values) {
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& value : values) gradients.push_back(value.grad());
  return gradients;
}

}  // namespace

AdamW::AdamW(std::vector<NamedTensor> parameters, const AdamWOptions& options)
    : options_(options), parameters_(std::move(parameters)) {
  decayed_.weight_decay = options.weight_decay;
  for (auto& [name, value] : parameters_) {
    Group& group = decays(name) ? decayed_ : plain_;
    value.mutable_grad() = at::zeros_like(value);
    group.values.push_back(value);
    group.m.push_back(at::zeros_like(value).set_requires_grad(false));
    group.v.push_back(at::zeros_like(value).set_requires_grad(false));
    state_.push_back({name + ".m", group.m.back()});
    state_.push_back({name + ".v", group.v.back()});
  }
}

void AdamW::zero_grad() {
  const at::NoGradGuard no_grad;
  for (Group* group : {&decayed_, &plain_})
    if (!group->values.empty()) at::_foreach_zero_(gradients_of(group->values));
}

void AdamW::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, value] : parameters_)
    if (!value.grad().defined())
      throw Error(ErrorKind::kRunFailed, "no_gradient", "a trainable parameter got no gradient", name);
  ++steps_;
  step_group(decayed_, learning_rate);
  step_group(plain_, learning_rate);
}

// One pass over memory for all of it (LibTorch's fused step). transformers' form is torch's with another epsilon, added
// before the bias correction: sqrt(v) / sqrt(c2) + eps / sqrt(c2) = (sqrt(v) + eps) / sqrt(c2); and decay comes last.
void AdamW::step_group(Group& group, double learning_rate) {
  if (group.values.empty()) return;
  const double correction2 = 1 - std::pow(options_.beta2, static_cast<double>(steps_));
  const bool torch_form = options_.form == AdamWForm::kTorch;
  const double eps = torch_form ? options_.eps : options_.eps / std::sqrt(correction2);
  const at::Tensor step = at::full({}, static_cast<double>(steps_), group.values.front().options().dtype(at::kFloat));
  at::_fused_adamw_(group.values, gradients_of(group.values), group.m, group.v, /*max_exp_avg_sqs=*/{},
                    std::vector<at::Tensor>(group.values.size(), step), learning_rate, options_.beta1, options_.beta2,
                    torch_form ? group.weight_decay : 0, eps, /*amsgrad=*/false, /*maximize=*/false,
                    /*grad_scale=*/{}, /*found_inf=*/{});
  if (!torch_form && group.weight_decay > 0) at::_foreach_mul_(group.values, 1 - learning_rate * group.weight_decay);
}

std::vector<NamedTensor> AdamW::state() const {
  return state_;
}

void AdamW::restore(const std::vector<NamedTensor>& state, int64_t steps_done) {
  const at::NoGradGuard no_grad;
  if (state.size() != state_.size())
    throw Error(ErrorKind::kBadData, "bad_checkpoint",
                cat("the checkpoint holds ", state.size(), " optimiser tensors, this run has ", state_.size()));
  for (size_t i = 0; i < state.size(); ++i) {
    if (state[i].name != state_[i].name || state[i].value.sizes() != state_[i].value.sizes())
      throw Error(ErrorKind::kBadData, "bad_checkpoint", "the checkpoint's optimiser is of another model",
                  state[i].name);
    state_[i].value.copy_(state[i].value);
  }
  steps_ = steps_done;
}

int64_t AdamW::state_bytes() const {
  int64_t bytes = 0;
  for (const auto& [name, value] : state_) bytes += static_cast<int64_t>(value.nbytes());
  return bytes;
}

at::Tensor clip_gradients(const std::vector<NamedTensor>& parameters, double max_norm) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : parameters) gradients.push_back(parameter.value.grad());
  const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients, 2)), 2);
  if (max_norm > 0) at::_foreach_mul_(gradients, (max_norm / (norm + 1e-6)).clamp_max(1.0));
  return norm;
}

}  // namespace frugal
