// Which directions of a head are kept, and which of them turn: the matrices that the low-rank projections approximate.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "methods/x_ecomla/options.h"
#include "methods/x_ecomla/ranks.h"
#include "methods/x_ecomla/svd.h"

namespace frugal::x_ecomla {

// Weights of grouped-query attention: q [n_h d_h, d], k and v [n_kv d_h, d].
struct BaseProjections {
  at::Tensor q, k, v;
};

// fp64, on the device of the weights.
struct Targets {
  at::Tensor query;                           // [n_h, a, d]: decomposed with the heads on top of each other
  std::vector<int64_t> query_rows;            // of a head's a rows: d_n without positions, then d_r that turn
  at::Tensor key_value;                       // [n_kv, b, d]: the same for keys, then values, of a head
  std::vector<int64_t> key_rows, value_rows;  // of its b rows: d_n, d_h
  at::Tensor rope_key;                        // [d_r, d], interleaved pairs: the one key that turns
  std::vector<int64_t> pairs;                 // of the base's heads, one a pair of rope_key; empty: new frequencies
};

// rope_init=code: rows are picked after the decomposition, so that it covers rows that are dropped, too. Without
// positions are the first d_n rows of a head, the last d_r turn, as neighbours; the rope key is the mean over the key
// heads.
Targets code_targets(const BaseProjections& base, const AttentionSizes& sizes);

// The others: whole rotary pairs (i, i + d_h/2) turn at their own frequencies, and only what is kept is decomposed.
// Without positions are the slowest of the pairs that are left. Queries are scaled by sqrt((d_n + d_r) / d_h), since
// the attention divides by sqrt(d_n + d_r).
//   pair_high, pair_low  the d_r/2 fastest, slowest pairs; rope key: mean over the key heads
//   pair_2norm           of largest sum over heads of |q_pair| |k_pair|, Frobenius norms behind the metric
//                        (arXiv 2502.14837, S_2-norm, where they are means over tokens)
//   rorope               principal components over the key heads of a pair's keys, as complex numbers since rotation
//                        commutes with these; queries get the coefficients (TransMLA, arXiv 2502.07864, has real
//                        ones). Taken are those of largest |q| |k| times what a pair loses that stands still, the root
//                        of the mean of 1 - cos(f t) over distances t up to kDistances.
// frequencies: [d_h/2] of the base's pairs. Needs even d_n <= d_h - d_r.
inline constexpr double kDistances = 2048;
Targets pair_targets(const BaseProjections& base, const AttentionSizes& sizes, RopeInit init, const Metric& metric,
                     const at::Tensor& frequencies);

}  // namespace frugal::x_ecomla
