// The device side of divergence_rows.h.
#pragma once

#include "models/nn/kernels/divergence_rows.h"

namespace frugal::cuda {
namespace {

constexpr int kRowThreads = 512;
constexpr float kLog2OfE = 1.4426950408889634F;
constexpr float kLn2 = 0.6931471805599453F;

// Elements that one thread loads at once: 16 bytes, or one where rows are not made of these.
template <typename T, int kWidth>
struct alignas(sizeof(T) * kWidth) Elements {
  T at[kWidth];
};

// sum of 2^(x log2(e) - most) over what was seen, most the largest x log2(e).
struct Normalizer {
  float most = -INFINITY, sum = 0;

  __device__ void raise(float to) {
    if (to <= most) return;
    sum *= exp2f(most - to);
    most = to;
  }
  __device__ void merge(float other_most, float other_sum) {
    if (other_sum == 0) return;  // of nothing
    raise(other_most);
    sum += other_sum * exp2f(other_most - most);
  }
  __device__ float log2_sum() const { return most + log2f(sum); }
};

template <typename T, int kWidth>
__device__ void add(Normalizer& normalizer, const Elements<T, kWidth>& x) {
  float most = -INFINITY;
  for (int i = 0; i < kWidth; ++i) most = fmaxf(most, static_cast<float>(x.at[i]) * kLog2OfE);
  normalizer.raise(most);
  for (int i = 0; i < kWidth; ++i) normalizer.sum += exp2f(static_cast<float>(x.at[i]) * kLog2OfE - normalizer.most);
}

// Of all threads, the same in each; `shared` has a float2 a warp.
__device__ inline Normalizer of_block(Normalizer mine, float2* shared) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int step = 16; step > 0; step /= 2) {
    const float most = __shfl_xor_sync(0xffffffffU, mine.most, step);
    const float sum = __shfl_xor_sync(0xffffffffU, mine.sum, step);
    mine.merge(most, sum);
  }
  if (thread % 32 == 0) shared[thread / 32] = float2{mine.most, mine.sum};
  __syncthreads();
  Normalizer all;
  for (int warp = 0; warp < kRowThreads / 32; ++warp) all.merge(shared[warp].x, shared[warp].y);
  __syncthreads();
  return all;
}

__device__ inline float sum_of_block(float mine, float2* shared) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int step = 16; step > 0; step /= 2) mine += __shfl_xor_sync(0xffffffffU, mine, step);
  if (thread % 32 == 0) shared[thread / 32].x = mine;
  __syncthreads();
  float all = 0;
  for (int warp = 0; warp < kRowThreads / 32; ++warp) all += shared[warp].x;
  return all;
}

template <typename T, int kWidth>
__global__ void __launch_bounds__(kRowThreads) divergence_rows_kernel(const __grid_constant__ DivergenceRows call) {
  extern __shared__ __align__(128) unsigned char memory[];
  auto* shared = reinterpret_cast<float2*>(memory);
  using Pack = Elements<T, kWidth>;
  const int64_t row = blockIdx.x, packs = call.vocabulary / kWidth;
  T* logits = static_cast<T*>(call.student) + row * call.vocabulary;
  auto* student = reinterpret_cast<Pack*>(logits);
  const auto* teacher = reinterpret_cast<const Pack*>(static_cast<const T*>(call.teacher) + row * call.vocabulary);

  Normalizer ours, theirs;
  for (int64_t i = threadIdx.x; i < packs; i += kRowThreads) {
    add(ours, student[i]);
    add(theirs, teacher[i]);
  }
  const int64_t target = call.targets == nullptr ? -1 : call.targets[row];
  const float share = target < 0 ? 0 : call.shares[row];
  // Before the barriers: afterwards another thread writes the slope there.
  const float target_score = target < 0 ? 0 : static_cast<float>(logits[target]) * kLog2OfE;
  const float our_log = of_block(ours, shared).log2_sum(), their_log = of_block(theirs, shared).log2_sum();

  float weighted = 0;  // sum of p (their score - ours)
  for (int64_t i = threadIdx.x; i < packs; i += kRowThreads) {
    Pack x = student[i];
    const Pack y = teacher[i];
    for (int k = 0; k < kWidth; ++k) {
      const float our_score = static_cast<float>(x.at[k]), their_score = static_cast<float>(y.at[k]);
      const float p = exp2f(their_score * kLog2OfE - their_log);
      weighted += p * (their_score - our_score);
      if (!call.with_slope) continue;
      const float q = exp2f(our_score * kLog2OfE - our_log);
      const float hit = i * kWidth + k == target ? share : 0;
      x.at[k] = static_cast<T>(q * (call.kl_scale + share) - p * call.kl_scale - hit);
    }
    if (call.with_slope) student[i] = x;
  }
  weighted = sum_of_block(weighted, shared);
  if (threadIdx.x != 0) return;
  call.kl[row] = weighted + (our_log - their_log) * kLn2;
  if (call.targets != nullptr) call.cross_entropy[row] = target < 0 ? 0 : (our_log - target_score) * kLn2;
}

}  // namespace
}  // namespace frugal::cuda
