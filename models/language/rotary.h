// Rotary position embedding (Su et al., 2021), the half-split form of Llama: pair i of a head is (x[i], x[i + dh/2]).
// Frequencies and angles are fp32 whatever the model's type, by the operations that transformers uses, since a
// checkpoint was trained with those roundings.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/language/config.h"

namespace frugal {

// cos and sin [B,T,1,dim/2] at the positions of one call; scaled where the type says so (YaRN).
struct RotaryTable {
  at::Tensor cos, sin;
};

class Rotary {
 public:
  // dim: even, of the part of a head that turns. original_max_position_embeddings must be set for llama3 and yarn.
  Rotary(const RopeConfig& config, int64_t dim);
  // positions [B,T] int64, on any device; the table has `type`.
  RotaryTable table(const at::Tensor& positions, at::ScalarType type) const;
  const at::Tensor& inverse_frequencies() const { return inverse_frequencies_; }  // [dim/2] fp32, on the CPU
  double attention_factor() const { return attention_factor_; }                   // of cos and sin

 private:
  at::Tensor inverse_frequencies_;
  mutable at::Tensor on_device_;  // a copy where the last call was, so that the next one waits for no transfer
  double attention_factor_ = 1;
};

// x [B,T,H,dim] -> the same, turned.
at::Tensor rotate(const at::Tensor& x, const RotaryTable& table);

}  // namespace frugal
