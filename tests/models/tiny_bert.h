// Tiny random encoders for tests, fp64 where gradients are compared.
#pragma once

#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <memory>

#include "models/text/bert.h"

namespace frugal::testing {

struct TinySpec {
  int64_t layers = 4, hidden = 32, heads = 4, labels = 2;
  double dropout = 0.1;
  double weight_std = 0.06;
};

inline std::shared_ptr<Bert> tiny_bert(const TinySpec& spec = {}, at::ScalarType type = at::kDouble,
                                       uint64_t seed = 7) {
  BertConfig config;
  config.vocab_size = 50;
  config.hidden_size = spec.hidden;
  config.num_hidden_layers = spec.layers;
  config.num_attention_heads = spec.heads;
  config.intermediate_size = 4 * spec.hidden;
  config.max_position_embeddings = 64;
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = spec.dropout;
  Weights weights = Weights::random(seed, spec.weight_std);
  auto model = std::make_shared<Bert>(config, spec.labels, weights);
  model->parameters().to(at::kCPU, type);
  return model;
}

// Two sequences, the second padded.
inline TextInputs tiny_inputs(int64_t length = 9) {
  at::Generator generator = at::detail::createCPUGenerator(3);
  TextInputs inputs;
  inputs.input_ids = at::randint(1, 50, {2, length}, generator, at::kLong);
  inputs.attention_mask = at::ones({2, length}, at::kLong);
  inputs.attention_mask[1].slice(0, length - 3).zero_();
  return inputs;
}

inline double relative_error(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm().clamp_min(1e-300)).item<double>();
}

}  // namespace frugal::testing
