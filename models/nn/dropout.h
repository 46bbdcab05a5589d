// Counter-based dropout: the mask is a function of (key, element index), on CPU and CUDA the same. Nothing is saved
// for backward, which computes the mask again, and a reversible layer that runs twice gets equal masks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace frugal {

// x * keep / (1 - p), keep[i] = hash(key, i) >= p * 2^32. Returns x itself when p == 0. 0 <= p < 1.
// x: fp32, fp64, bf16 or fp16, made contiguous; at most 2^32 elements.
at::Tensor keyed_dropout(const at::Tensor& x, double p, uint64_t key);

}  // namespace frugal
