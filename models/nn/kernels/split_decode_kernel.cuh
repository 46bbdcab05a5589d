// The device side of split_decode.h: the kernel, and the merge of its parts.
#pragma once

#include "models/nn/kernels/split_decode_block.cuh"

namespace frugal::cuda {
namespace {

template <typename T>
__device__ void store(T* to, float4 x, float factor) {
  *reinterpret_cast<uint2*>(to) =
      uint2{Half2<T>::pack(x.x * factor, x.y * factor), Half2<T>::pack(x.z * factor, x.w * factor)};
}

template <typename T, int kHeadTiles, int kColumns, int kWarps>
__global__ void __launch_bounds__(kThreads, 1) split_decode_kernel(const __grid_constant__ Arguments arg) {
  extern __shared__ __align__(128) unsigned char memory[];
  using Work = Block<T, kHeadTiles, kColumns, kWarps>;
  Work work(arg, memory);
  // Blocks that read the same tokens, or neighbouring ones, follow each other: the second-level cache serves them.
  const int blocks_of_part = static_cast<int>(gridDim.x) / arg.splits;
  const int split = static_cast<int>(blockIdx.x) / blocks_of_part, sequence = static_cast<int>(blockIdx.y);
  const int in_part = static_cast<int>(blockIdx.x) % blocks_of_part;
  const int group = in_part / arg.blocks_of_heads, first = in_part % arg.blocks_of_heads * Work::kHeads;
  const int heads = min(Work::kHeads, arg.heads - first), first_head = group * arg.heads + first;
  const int64_t row = arg.rows == nullptr ? sequence : arg.rows[sequence];
  work.length = arg.lengths[row];
  const int64_t tiles = (work.length + Work::kTile - 1) / Work::kTile;
  const int begin = static_cast<int>(tiles * split / arg.splits),
            end = static_cast<int>(tiles * (split + 1) / arg.splits);
  for (int p = 0; p < 2; ++p)
    work.source[p] =
        static_cast<const T*>(arg.token[p].data) + row * arg.token[p].row_stride + group * arg.token[p].group_stride;
  work.prefetch(begin, end);
  work.fill_zeros();
  __syncthreads();
  work.load_queries(sequence, first_head, heads);
  __syncthreads();

  float o[kHeadTiles][kColumns / 8][4] = {}, sum[kHeadTiles][2] = {}, most[kHeadTiles][2];
#pragma unroll
  for (int m = 0; m < kHeadTiles; ++m) most[m][0] = most[m][1] = kNegativeInfinity;
  work.run(begin, end, o, most, sum);
  work.merge_teams(o, most, sum);

  const int64_t index = int64_t{sequence} * arg.all_heads + first_head;  // of the block's first (sequence, head)
  const int units = arg.value_width / 4;
  if (arg.splits > 1 && static_cast<int>(threadIdx.x) < heads) {
    const auto pairs = int64_t{gridDim.y} * arg.all_heads * arg.splits;
    auto* statistics = reinterpret_cast<float2*>(arg.partial + pairs * arg.value_width);
    statistics[(index + threadIdx.x) * arg.splits + split] =
        float2{work.row_max[threadIdx.x], work.row_sum[threadIdx.x]};
  }
  if (arg.splits > 1 && begin == end) return;  // the merge skips a part of weight 0
  for (int i = static_cast<int>(threadIdx.x); i < heads * units; i += static_cast<int>(blockDim.x)) {
    const int head = i / units, column = i % units * 4;
    const float4 total = work.merged(head, column);
    if (arg.splits > 1) {
      *reinterpret_cast<float4*>(arg.partial + ((index + head) * arg.splits + split) * arg.value_width + column) =
          total;
    } else {
      const float factor = work.row_sum[head] == 0 ? 0.0F : 1.0F / work.row_sum[head];
      store(static_cast<T*>(arg.output) + (index + head) * arg.value_width + column, total, factor);
    }
  }
}

constexpr size_t merge_bytes(int splits) {
  return kThreads * sizeof(float4) + (static_cast<size_t>(splits) + 1) * sizeof(float);
}

// One block merges the parts of one (sequence, head); its teams take a part each in turns and add up at the end.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    merge_parts_kernel(const float* partial, const float2* statistics, T* output, int splits, int width) {
  extern __shared__ __align__(128) unsigned char memory[];
  auto* shares = reinterpret_cast<float4*>(memory);
  auto* weights = reinterpret_cast<float*>(shares + kThreads);
  float& total_sum = weights[splits];
  const int64_t index = blockIdx.x;
  const int thread = static_cast<int>(threadIdx.x);
  statistics += index * splits;
  if (thread < 32) {
    float most = kNegativeInfinity, sum = 0;
    for (int i = thread; i < splits; i += 32) most = fmaxf(most, statistics[i].x);
    for (int step = 16; step > 0; step /= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffffU, most, step));
    for (int i = thread; i < splits; i += 32) {
      const float2 part = statistics[i];
      const float weight = share_weight(part, most);
      weights[i] = weight;
      sum += weight * part.y;
    }
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffU, sum, step);
    if (thread == 0) total_sum = sum;
  }
  __syncthreads();
  const int units = width / 4, teams = kThreads / units, team = thread / units, unit = thread % units;
  float4 total{0, 0, 0, 0};
  if (team < teams) {
    const auto* from = reinterpret_cast<const float4*>(partial + index * splits * width) + unit;
#pragma unroll 4
    for (int i = team; i < splits; i += teams) {
      const float weight = weights[i];
      if (weight == 0) continue;  // of an empty part nothing was written
      const float4 x = from[int64_t{i} * units];
      total.x += weight * x.x;
      total.y += weight * x.y;
      total.z += weight * x.z;
      total.w += weight * x.w;
    }
  }
  shares[thread] = total;
  __syncthreads();
  if (thread >= units) return;
  for (int t = 1; t < teams; ++t) {
    const float4 x = shares[t * units + unit];
    total.x += x.x;
    total.y += x.y;
    total.z += x.z;
    total.w += x.w;
  }
  store(output + index * width + unit * 4, total, total_sum == 0 ? 0.0F : 1.0F / total_sum);
}

}  // namespace
}  // namespace frugal::cuda
