#include <cuda_runtime.h>

#include "models/nn/kernels/mma.cuh"
#include "models/nn/kernels/split_decode_kernel.cuh"

namespace frugal::cuda {
namespace {

template <typename T, int kHeadTiles, int kColumns, int kWarps>
cudaError_t start(const SplitDecode& call, const SplitDecodePlan& plan, cudaStream_t stream) {
  const auto kernel = split_decode_kernel<T, kHeadTiles, kColumns, kWarps>;
  const cudaError_t status =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, plan.shared_bytes);
  if (status != cudaSuccess) return status;
  const dim3 grid(static_cast<unsigned>(plan.splits * call.groups * plan.blocks_of_heads),
                  static_cast<unsigned>(call.batch));
  kernel<<<grid, static_cast<unsigned>(plan.threads()), static_cast<size_t>(plan.shared_bytes), stream>>>(
      arguments(call, plan));
  return cudaGetLastError();
}

template <typename T, int kHeadTiles>
cudaError_t start(const SplitDecode& call, const SplitDecodePlan& plan, cudaStream_t stream) {
  if (plan.value_columns == 64) return start<T, kHeadTiles, 64, 1>(call, plan, stream);
  if (plan.value_warps == 1) return start<T, kHeadTiles, 128, 1>(call, plan, stream);
  if (plan.value_warps == 2) return start<T, kHeadTiles, 128, 2>(call, plan, stream);
  return start<T, kHeadTiles, 128, 4>(call, plan, stream);
}

template <typename T>
cudaError_t run(const SplitDecode& call, const SplitDecodePlan& plan, cudaStream_t stream) {
  const cudaError_t status = plan.head_tiles == 1 ? start<T, 1>(call, plan, stream) : start<T, 2>(call, plan, stream);
  if (status != cudaSuccess || plan.splits == 1) return status;
  const int64_t pairs = int64_t{call.batch} * call.groups * call.heads;
  merge_parts_kernel<T><<<static_cast<unsigned>(pairs), kThreads, merge_bytes(plan.splits), stream>>>(
      call.partial, reinterpret_cast<const float2*>(call.partial + pairs * plan.splits * call.value_width),
      static_cast<T*>(call.output), plan.splits, call.value_width);
  return cudaGetLastError();
}

}  // namespace

int launch_split_decode(const SplitDecode& call, const SplitDecodePlan& plan, cudaStream_t stream) {
  return call.type == ElementType::kBfloat16 ? run<__nv_bfloat16>(call, plan, stream) : run<__half>(call, plan, stream);
}

}  // namespace frugal::cuda
