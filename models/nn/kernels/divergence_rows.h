// Divergence of rows of logits and its slope in two passes over them: the raw side of row_divergence, without LibTorch
// or CUDA headers. One block serves one row. The first pass finds both models' normalizers as a running maximum and
// sum, the second the divergence and the slope, which takes the place of the student's logits; nothing else is stored.
#pragma once

#include <cstdint>

#include "models/nn/element_type.h"

using cudaStream_t = struct CUstream_st*;

namespace frugal {

struct DivergenceRows {
  ElementType type = ElementType::kBfloat16;  // of logits and slope: kFloat, kBfloat16 or kHalf
  void* student = nullptr;                    // [rows, vocabulary]; the slope afterwards, where with_slope says so
  const void* teacher = nullptr;              // [rows, vocabulary]
  const int64_t* targets = nullptr;           // [rows], negative: none; null: no cross entropy at all
  const float* shares = nullptr;              // [rows], what a row's cross entropy counts for in the slope
  float* kl = nullptr;                        // [rows]
  float* cross_entropy = nullptr;             // [rows], 0 where there is no target
  int64_t rows = 0, vocabulary = 0;
  float kl_scale = 0;  // what a row's divergence counts for in the slope
  bool with_slope = false;
};

namespace cuda {
void launch_divergence_rows(const DivergenceRows& call, cudaStream_t stream);
}  // namespace cuda

}  // namespace frugal
