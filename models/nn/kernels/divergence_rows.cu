#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "models/nn/kernels/divergence_rows_kernel.cuh"

namespace frugal::cuda {
namespace {

template <typename T>
void launch(const DivergenceRows& call, cudaStream_t stream) {
  constexpr int kWidth = 16 / sizeof(T);
  constexpr size_t kShared = kRowThreads / 32 * sizeof(float2);
  const auto blocks = static_cast<unsigned>(call.rows);
  const auto aligned = [](const void* logits) { return reinterpret_cast<uintptr_t>(logits) % 16 == 0; };
  if (call.vocabulary % kWidth == 0 && aligned(call.student) && aligned(call.teacher))
    divergence_rows_kernel<T, kWidth><<<blocks, kRowThreads, kShared, stream>>>(call);
  else
    divergence_rows_kernel<T, 1><<<blocks, kRowThreads, kShared, stream>>>(call);
}

}  // namespace

void launch_divergence_rows(const DivergenceRows& call, cudaStream_t stream) {
  if (call.rows == 0) return;
  switch (call.type) {
    case ElementType::kFloat:
      return launch<float>(call, stream);
    case ElementType::kBfloat16:
      return launch<__nv_bfloat16>(call, stream);
    case ElementType::kHalf:
      return launch<__half>(call, stream);
    case ElementType::kDouble:
      return;  // row_divergence never asks
  }
}

}  // namespace frugal::cuda
