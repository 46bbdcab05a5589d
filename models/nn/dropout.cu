#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "models/nn/dropout_cuda.h"
#include "models/nn/keyed_hash.h"

namespace frugal::cuda {
namespace {

// Memory bound: one read and one write an element, no mask stored.
template <typename T, typename Compute>
__global__ void keyed_dropout_kernel(const T* x, T* y, int64_t n, uint32_t threshold, Compute scale, uint32_t key_low,
                                     uint32_t key_high) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    const bool keep = keyed_hash(static_cast<uint32_t>(i), key_low, key_high) >= threshold;
    y[i] = static_cast<T>(keep ? static_cast<Compute>(x[i]) * scale : Compute{0});
  }
}

template <typename T, typename Compute>
void launch(const void* x, void* y, int64_t n, uint32_t threshold, double scale, uint64_t key, cudaStream_t stream) {
  constexpr int kThreads = 256;
  const auto blocks = static_cast<unsigned>(n / kThreads + 1 < 4096 ? n / kThreads + 1 : 4096);
  keyed_dropout_kernel<T, Compute><<<blocks, kThreads, 0, stream>>>(
      static_cast<const T*>(x), static_cast<T*>(y), n, threshold, static_cast<Compute>(scale),
      static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32));
}

}  // namespace

void launch_keyed_dropout(const void* x, void* y, int64_t n, ElementType type, uint32_t threshold, double scale,
                          uint64_t key, cudaStream_t stream) {
  if (n == 0) return;
  switch (type) {
    case ElementType::kFloat:
      return launch<float, float>(x, y, n, threshold, scale, key, stream);
    case ElementType::kDouble:
      return launch<double, double>(x, y, n, threshold, scale, key, stream);
    case ElementType::kBfloat16:
      return launch<__nv_bfloat16, float>(x, y, n, threshold, scale, key, stream);
    case ElementType::kHalf:
      return launch<__half, float>(x, y, n, threshold, scale, key, stream);
  }
}

}  // namespace frugal::cuda
