// Raw-pointer side of the dropout kernel: no LibTorch header here, so that nvcc compiles it in a second.
#pragma once

#include <cstdint>

#include "models/nn/element_type.h"

using cudaStream_t = struct CUstream_st*;

namespace frugal::cuda {

// y[i] = keyed_hash(i, key) >= threshold ? x[i] * scale : 0, for i < n < 2^32. Asynchronous on `stream`.
void launch_keyed_dropout(const void* x, void* y, int64_t n, ElementType type, uint32_t threshold, double scale,
                          uint64_t key, cudaStream_t stream);

}  // namespace frugal::cuda
