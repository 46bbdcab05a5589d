// The CUDA kernel of decode attention, its own source, run thread by thread on the CPU.
#include "tests/support/emulated_cuda.h"
// The kernel's header follows what it is made of.
#include <gtest/gtest.h>

#include "core/error.h"
#include "models/nn/kernels/split_decode_kernel.cuh"
#include "tests/models/decode_reference.h"

namespace frugal {
namespace cuda {
namespace {

alignas(128) unsigned char memory[232448];

template <int kHeadTiles, int kColumns, int kWarps>
void launch(const SplitDecode& call, const SplitDecodePlan& plan) {
  const Arguments a = arguments(call, plan);
  emulated::device().launch(
      {static_cast<unsigned>(plan.splits * call.groups * plan.blocks_of_heads), static_cast<unsigned>(call.batch), 1},
      static_cast<unsigned>(plan.threads()), memory, static_cast<size_t>(plan.shared_bytes),
      [&] { split_decode_kernel<Bfloat16, kHeadTiles, kColumns, kWarps>(a); });
  if (plan.splits == 1) return;
  const int64_t pairs = int64_t{call.batch} * call.groups * call.heads;
  emulated::device().launch({static_cast<unsigned>(pairs), 1, 1}, kThreads, memory, merge_bytes(plan.splits), [&] {
    merge_parts_kernel<Bfloat16>(call.partial,
                                 reinterpret_cast<const float2*>(call.partial + pairs * plan.splits * call.value_width),
                                 static_cast<Bfloat16*>(call.output), plan.splits, call.value_width);
  });
}

template <int kHeadTiles>
void launch(const SplitDecode& call, const SplitDecodePlan& plan) {
  if (plan.value_columns == 64) return launch<kHeadTiles, 64, 1>(call, plan);
  if (plan.value_warps == 1) return launch<kHeadTiles, 128, 1>(call, plan);
  if (plan.value_warps == 2) return launch<kHeadTiles, 128, 2>(call, plan);
  return launch<kHeadTiles, 128, 4>(call, plan);
}

}  // namespace
}  // namespace cuda

namespace {

using testing::DecodeResult;
using testing::GroupedCase;
using testing::LatentCase;

// A device of few multiprocessors, so that the plan makes `splits` parts; every part is written, the rest is NaN.
at::Tensor run(SplitDecode call, const at::Tensor& lengths, double scale, int64_t longest, int splits) {
  call.lengths = lengths.const_data_ptr<int64_t>();
  call.scale = static_cast<float>(scale);
  call.longest = longest;
  SplitDecodePlan plan = plan_split_decode(call, {.multiprocessors = 1, .shared_bytes = 232448});
  plan.splits = splits;
  const int64_t heads = int64_t{call.groups} * call.heads;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  at::Tensor partial = at::full({call.batch * heads * splits * (call.value_width + 2)}, nan, at::kFloat);
  at::Tensor output = at::full({call.batch, heads, call.value_width}, nan, at::kBFloat16);
  call.partial = partial.mutable_data_ptr<float>();
  call.output = output.mutable_data_ptr();
  plan.head_tiles == 1 ? cuda::launch<1>(call, plan) : cuda::launch<2>(call, plan);
  return output.to(at::kDouble);
}

QueryPiece query_piece(const at::Tensor& x) {
  return {x.const_data_ptr(), x.stride(0), x.stride(1), static_cast<int>(x.size(2))};
}

void expect_near(const at::Tensor& output, const DecodeResult& exact, const std::string& what) {
  const at::Tensor bound = (exact.output.abs() + exact.magnitude) * (1.2 * 0x1p-8) + 2e-5;
  EXPECT_LE(((output - exact.output).abs() / bound).max().item<double>(), 1) << what;
}

void check_latent(int64_t heads, int64_t rank, int64_t rope, const std::vector<int64_t>& lengths, int splits) {
  LatentCase c(static_cast<int64_t>(lengths.size()), heads, rank, rope, lengths, 200);
  c.round_to(at::kBFloat16);
  const at::Tensor latent = c.query_latent.to(at::kBFloat16), turned = c.query_rope.to(at::kBFloat16),
                   table = c.table.to(at::kBFloat16);
  SplitDecode call;
  call.query[0] = query_piece(latent);
  call.query[1] = query_piece(turned);
  call.token[0] = {table.const_data_ptr(), table.stride(0), table.stride(1), 0, static_cast<int>(rank + rope)};
  call.key_width = static_cast<int>(rank + rope);
  call.value_width = static_cast<int>(rank);
  call.batch = static_cast<int>(lengths.size());
  call.groups = 1;
  call.heads = static_cast<int>(heads);
  expect_near(run(call, c.lengths, c.scale, 200, splits), c.reference(),
              cat(heads, " heads, r_kv ", rank, ", d_r ", rope, ", ", splits, " parts"));
}

TEST(EmulatedDecode, LatentsOfOneWarpATile) {
  check_latent(32, 128, 64, {200, 33}, 1);
  check_latent(9, 128, 32, {65, 1}, 2);
  check_latent(24, 48, 32, {100, 0, 64}, 3);
  check_latent(15, 24, 16, {63}, 1);
  check_latent(33, 40, 16, {40}, 2);
}

TEST(EmulatedDecode, LatentsOfSeveralWarpsATile) {
  check_latent(32, 160, 64, {70, 5}, 1);
  check_latent(16, 256, 32, {90}, 2);
  check_latent(32, 136, 16, {33}, 1);
  check_latent(9, 512, 32, {130}, 2);
  check_latent(32, 264, 64, {65}, 1);
}

TEST(EmulatedDecode, GroupedHeads) {
  for (const auto& [heads, kv_heads, size] :
       {std::array<int64_t, 3>{8, 2, 128}, {9, 3, 64}, {40, 1, 32}, {4, 4, 80}, {2, 1, 256}}) {
    GroupedCase c(2, heads, kv_heads, size, {100, 31}, 101);
    c.round_to(at::kBFloat16);
    const at::Tensor query = c.query.to(at::kBFloat16), keys = c.keys.to(at::kBFloat16),
                     values = c.values.to(at::kBFloat16);
    SplitDecode call;
    call.query[0] = query_piece(query);
    int piece = 0;
    for (const at::Tensor* x : {&keys, &values})
      call.token[piece++] = {x->const_data_ptr(), x->stride(0), x->stride(1), x->stride(2), static_cast<int>(size)};
    call.key_width = call.value_offset = call.value_width = static_cast<int>(size);
    call.batch = 2;
    call.groups = static_cast<int>(kv_heads);
    call.heads = static_cast<int>(heads / kv_heads);
    for (const int splits : {1, 2})
      expect_near(run(call, c.lengths, c.scale, 101, splits), c.reference(),
                  cat(heads, "/", kv_heads, " heads of ", size));
  }
}

}  // namespace
}  // namespace frugal
