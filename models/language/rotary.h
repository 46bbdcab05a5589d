// Rotary position embedding (Su et al., 2021): the half-split form of Llama, where pair i of a head is
// (x[i], x[i + dh/2]), and the interleaved one of DeepSeek, where it is (x[2i], x[2i + 1]).
// Frequencies and angles are fp32 whatever the model's type, by the operations that transformers uses, since a
// checkpoint was trained with those roundings.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "models/language/config.h"

namespace frugal {

// cos and sin [B,T,1,dim/2] at the positions of one call; scaled where the type says so (YaRN).
struct RotaryTable {
  at::Tensor cos, sin;
};

// kBFloat16: frequencies, positions and angles are bf16 numbers, so that positions above 256 fall on multiples of 2, 4,
// 8. What a model of transformers does whose frequencies were converted along with its weights.
enum class AngleType { kFloat, kBFloat16 };

class Rotary {
 public:
  // dim: even, of the part of a head that turns. original_max_position_embeddings must be set for llama3 and yarn.
  Rotary(const RopeConfig& config, int64_t dim, AngleType angles = AngleType::kFloat);
  // Frequencies [dim/2] fp32 of one's own choice.
  Rotary(at::Tensor inverse_frequencies, double attention_factor)
      : inverse_frequencies_(std::move(inverse_frequencies)), attention_factor_(attention_factor) {}
  // positions [B,T] int64, on any device; the table has `type`.
  RotaryTable table(const at::Tensor& positions, at::ScalarType type) const;
  const at::Tensor& inverse_frequencies() const { return inverse_frequencies_; }  // [dim/2] fp32, on the CPU
  double attention_factor() const { return attention_factor_; }                   // of cos and sin

 private:
  at::Tensor inverse_frequencies_;
  mutable at::Tensor on_device_;  // a copy where the last call was, so that the next one waits for no transfer
  double attention_factor_ = 1;
  AngleType angles_ = AngleType::kFloat;
};

// x [B,T,H,dim] -> the same, turned.
at::Tensor rotate(const at::Tensor& x, const RotaryTable& table);

// The same for neighbours (x[2j], x[2j + 1]); what comes out is half-split: first halves of all pairs, then second
// ones.
at::Tensor rotate_interleaved(const at::Tensor& x, const RotaryTable& table);

}  // namespace frugal
