// RoRoPE (TransMLA, arXiv 2502.07864, section 4.2): rotations across key heads that commute with rotary positions and
// move the keys' energy to the first head.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace frugal::x_ecomla {

struct KeyShape {
  int64_t kv_heads = 0, head = 0;      // n_kv, d_h
  int64_t collapse = 1, freqfold = 1;  // d_h / d_r; frequencies that count as one, a multiple of collapse

  int64_t rope() const { return head / collapse; }  // d_r
  int64_t width() const { return kv_heads * head; }
  int64_t groups() const { return head / 2 / freqfold; }
};

// Q [n_kv d_h, n_kv d_h], orthogonal: keys k of all heads become Q^T k, whose first d_r rows are interleaved pairs that
// turn, pair j at the base's frequency j collapse; k = Q k'. moment [n_kv d_h, n_kv d_h] fp64: of the keys before
// rotation, the sum over tokens of k k^T. Channels are, in each group of `freqfold` neighbouring frequencies, the heads
// and those frequencies; the principal components of both halves of the pairs together, largest first.
at::Tensor rorope(const at::Tensor& moment, const KeyShape& shape);

// The base's pairs, at whose frequencies the d_r/2 pairs turn.
std::vector<int64_t> collapsed_pairs(const KeyShape& shape);

}  // namespace frugal::x_ecomla
