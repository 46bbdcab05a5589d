// Diffusion and flow models: UNets, DiTs, video DiTs. Called once a step (or once a guidance branch of a step).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "models/model.h"

namespace frugal {

// Which half of classifier-free guidance a call computes; both: the batch is [unconditional, conditional].
enum class Branch { kConditional, kUnconditional, kBoth };

// Where in the sampling a call stands. Given by the sampler at every call: counting calls inside a model is a bug.
struct StepContext {
  int64_t index = 0;  // 0 is the noisiest step
  int64_t total = 1;
  double timestep = 0;  // as the sampler's schedule counts it; fractional for some solvers
  Branch branch = Branch::kConditional;
  int64_t sample = 0;      // id of what is generated; a new id starts with empty state
  int64_t evaluation = 0;  // solvers of higher order call a step more than once
};

// Conditions by the name diffusers gives them: encoder_hidden_states, text_embeds, time_ids, class_labels, guidance...
using Conditions = std::map<std::string, at::Tensor>;

struct DenoiserConfig {
  std::vector<int64_t> sample_shape;  // of one sample, without the batch: [C,H,W] or [C,F,H,W]
  int64_t out_channels = 0;
  std::string prediction;  // epsilon, v_prediction, flow
};

class Denoiser : public Model {
 public:
  using Model::Model;
  virtual const DenoiserConfig& config() const = 0;
  // sample [B,C,(F,)H,W], timestep [B]; returns the prediction, [B,out_channels,(F,)H,W].
  virtual at::Tensor forward(const at::Tensor& sample, const at::Tensor& timestep, const Conditions& conditions,
                             const StepContext& step) = 0;
};

}  // namespace frugal
