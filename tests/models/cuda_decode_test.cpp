// The decode kernels on a real GPU against their definition in fp64. Built wherever nvcc is; skips itself without one.
#include <ATen/Context.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "models/nn/cuda_support.h"
#include "models/nn/kernels/grouped_decode.h"
#include "models/nn/kernels/latent_decode.h"
#include "tests/models/decode_reference.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

using testing::DecodeResult;
using testing::GroupedCase;
using testing::LatentCase;

class CudaDecode : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA() || cuda::device_count() == 0) GTEST_SKIP() << "no usable GPU on this machine";
    at::globalContext().lazyInitDevice(at::kCUDA);
    cuda::set_device(0);
  }
};

at::Tensor on_gpu(const at::Tensor& x, at::ScalarType type) {
  return x.to(type).to(at::kCUDA);
}

// Roundings of the probabilities and of the output, to nearest, are all that the kernel may lose beside fp32 sums.
void expect_near(const at::Tensor& output, const DecodeResult& exact, const std::string& what) {
  const double unit = output.scalar_type() == at::kBFloat16 ? 0x1p-8 : 0x1p-11;
  const at::Tensor bound = (exact.output.abs() + exact.magnitude) * (1.2 * unit) + 2e-5;
  const at::Tensor excess = (output.cpu().to(at::kDouble) - exact.output).abs() / bound;
  const double worst = excess.max().item<double>();
  EXPECT_LE(worst, 1) << what << ": the error is " << worst << " times its bound";
  EXPECT_FALSE(output.isnan().any().item<bool>()) << what;
}

at::Tensor decode(const LatentCase& c, at::ScalarType type, int64_t longest = 0) {
  return latent_decode(on_gpu(c.query_latent, type), on_gpu(c.query_rope, type), on_gpu(c.table, type),
                       c.lengths.to(at::kCUDA), {}, c.scale, longest);
}
at::Tensor decode(const GroupedCase& c, at::ScalarType type, int64_t longest = 0) {
  return grouped_decode(on_gpu(c.query, type), on_gpu(c.keys, type), on_gpu(c.values, type), c.lengths.to(at::kCUDA),
                        {}, c.scale, longest);
}

TEST_F(CudaDecode, LatentsOfEveryShapeOfThePaper) {
  const std::vector<int64_t> lengths = {1, 63, 64, 65, 1000, 0, 31, 32, 33, 777};
  for (const auto& [rank, rope] : {std::pair<int64_t, int64_t>{512, 32},
                                   {256, 32},
                                   {128, 32},
                                   {64, 32},
                                   {48, 32},
                                   {512, 64},
                                   {256, 64},
                                   {128, 64},
                                   {448, 64},
                                   {160, 64},
                                   {96, 64},
                                   {160, 32},
                                   {288, 32},
                                   {480, 32},
                                   {16, 32},
                                   {16, 16},
                                   {24, 16},
                                   {40, 16},
                                   {136, 32},
                                   {200, 64},
                                   {264, 16},
                                   {504, 64}})
    for (const int64_t heads : {9, 16, 24, 32}) {
      LatentCase c(10, heads, rank, rope, lengths, 1040, static_cast<uint64_t>(rank * 64 + heads));
      c.round_to(at::kBFloat16);
      expect_near(decode(c, at::kBFloat16), c.reference(),
                  cat("r_kv ", rank, ", d_r ", rope, ", ", heads, " heads, bf16"));
    }
}

TEST_F(CudaDecode, LatentsOfEveryBatchAndManyHeads) {
  for (int64_t batch = 1; batch <= 33; ++batch) {
    LatentCase c(batch, 32, 128, 64, {300, 17, 511, 64}, 512, static_cast<uint64_t>(batch));
    c.round_to(at::kBFloat16);
    expect_near(decode(c, at::kBFloat16), c.reference(), cat("batch ", batch));
  }
  for (const int64_t heads : {1, 8, 15, 17, 33, 40, 64, 128})
    for (const int64_t rank : {64, 128, 256, 512}) {
      LatentCase c(3, heads, rank, 64, {200, 65, 1}, 256, static_cast<uint64_t>(heads));
      c.round_to(at::kBFloat16);
      expect_near(decode(c, at::kBFloat16), c.reference(), cat(heads, " heads, r_kv ", rank));
    }
}

TEST_F(CudaDecode, LatentsInFp16) {
  for (const int64_t rank : {48, 128, 160, 512}) {
    LatentCase c(5, 32, rank, 64, {1, 63, 65, 400}, 401);
    c.round_to(at::kHalf);
    expect_near(decode(c, at::kHalf), c.reference(), cat("r_kv ", rank, ", fp16"));
  }
}

TEST_F(CudaDecode, LongContextsInManyPartsAndInOne) {
  LatentCase c(1, 32, 128, 64, {20011}, 20480);
  c.round_to(at::kBFloat16);
  const DecodeResult exact = c.reference();
  for (const int64_t longest : {1, 64, 4096, 20480})  // the bound guides the division of work alone
    expect_near(decode(c, at::kBFloat16, longest), exact, cat("planned for ", longest));
}

TEST_F(CudaDecode, SharpAndShiftedScores) {
  LatentCase c(4, 32, 128, 64, {1000, 513}, 1024);
  c.query_latent *= 40;  // one token takes nearly all of the weight, and maxima grow late
  c.round_to(at::kBFloat16);
  expect_near(decode(c, at::kBFloat16), c.reference(), "sharp");
}

TEST_F(CudaDecode, RowsAndStridedQueries) {
  LatentCase c(6, 24, 160, 32, {100, 3, 70}, 128);
  c.round_to(at::kBFloat16);
  const at::Tensor rows = at::tensor({5, 0, 3}, at::kLong);
  const DecodeResult exact = c.reference();
  // As a batched product over heads leaves them: [H,B,r] seen as [B,H,r].
  const at::Tensor query = on_gpu(c.query_latent.index_select(0, rows), at::kBFloat16).transpose(0, 1).contiguous();
  const at::Tensor o =
      latent_decode(query.transpose(0, 1), on_gpu(c.query_rope.index_select(0, rows), at::kBFloat16),
                    on_gpu(c.table, at::kBFloat16), c.lengths.to(at::kCUDA), rows.to(at::kCUDA), c.scale);
  expect_near(o, {exact.output.index_select(0, rows), exact.magnitude.index_select(0, rows)}, "rows");
}

TEST_F(CudaDecode, GroupedHeads) {
  for (const auto& [heads, kv_heads] :
       {std::pair<int64_t, int64_t>{32, 8}, {9, 3}, {15, 5}, {4, 4}, {16, 1}, {32, 1}, {40, 1}, {14, 2}})
    for (const int64_t size : {64, 128, 32, 80, 256}) {
      GroupedCase c(10, heads, kv_heads, size, {1, 63, 64, 65, 1000, 0, 31, 32, 33, 777}, 1040);
      c.round_to(at::kBFloat16);
      expect_near(decode(c, at::kBFloat16), c.reference(), cat(heads, "/", kv_heads, " heads of ", size));
      c.round_to(at::kHalf);
      expect_near(decode(c, at::kHalf, 64), c.reference(), cat(heads, "/", kv_heads, " heads of ", size, ", fp16"));
    }
}

TEST_F(CudaDecode, ACapturedCallFollowsTheLengthsOnTheDevice) {
  LatentCase c(4, 32, 128, 64, {1000, 900, 800, 700}, 1024);
  c.round_to(at::kBFloat16);
  const at::Tensor latent = on_gpu(c.query_latent, at::kBFloat16), rope = on_gpu(c.query_rope, at::kBFloat16);
  const at::Tensor table = on_gpu(c.table, at::kBFloat16);
  at::Tensor lengths = c.lengths.to(at::kCUDA), o;
  const auto call = [&] { o = latent_decode(latent, rope, table, lengths, {}, c.scale); };
  call();
  const auto graph = cuda::capture_graph(call);
  for (const int64_t shorter : {0, 1, 300, 650}) {
    const at::Tensor now = c.lengths - shorter;
    lengths.copy_(now);
    graph->replay();
    cuda::synchronize();
    LatentCase again = c;
    again.lengths = now;
    expect_near(o, again.reference(), cat("after ", shorter, " fewer"));
  }
}

TEST_F(CudaDecode, WhatTheKernelLacksIsAnError) {
  const LatentCase odd(2, 4, 20, 16, {3}, 4), narrow(2, 4, 16, 8, {3}, 4), fits(2, 4, 16, 16, {3}, 4);
  EXPECT_ERROR(decode(odd, at::kBFloat16), ErrorKind::kUsage, "unsupported_shape");
  EXPECT_ERROR(decode(narrow, at::kBFloat16), ErrorKind::kUsage, "unsupported_shape");
  EXPECT_ERROR(decode(fits, at::kFloat), ErrorKind::kUsage, "unsupported_shape");
  const LatentCase wide(2, 4, 816, 64, {3}, 4);
  EXPECT_ERROR(decode(wide, at::kBFloat16), ErrorKind::kUsage, "unsupported_shape");
}

}  // namespace
}  // namespace frugal
