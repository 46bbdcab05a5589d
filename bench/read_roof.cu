#include <cuda_runtime.h>

#include "bench/read_roof.h"

namespace frugal::bench {
namespace {

constexpr int kThreads = 512, kInFlight = 8;

__device__ uint4 load_once(const uint4* from) {
  uint4 x;
  asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w)
               : "l"(from));
  return x;
}

__global__ void __launch_bounds__(kThreads) read_kernel(const uint4* data, int64_t units, uint32_t* sink) {
  uint32_t mixed = 0;
  const int64_t stride = int64_t{gridDim.x} * kThreads * kInFlight;
  for (int64_t at = int64_t{blockIdx.x} * kThreads * kInFlight + threadIdx.x; at < units; at += stride) {
    uint4 x[kInFlight];
#pragma unroll
    for (int i = 0; i < kInFlight; ++i)
      x[i] = at + i * kThreads < units ? load_once(data + at + i * kThreads) : uint4{0, 0, 0, 0};
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) mixed ^= x[i].x ^ x[i].y ^ x[i].z ^ x[i].w;
  }
  if (mixed == 0x5eed1e55U) *sink = mixed;
}

}  // namespace

int launch_read(const void* data, int64_t bytes, uint32_t* sink, int blocks, cudaStream_t stream) {
  read_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(static_cast<const uint4*>(data), bytes / 16,
                                                                      sink);
  return cudaGetLastError();
}

}  // namespace frugal::bench
