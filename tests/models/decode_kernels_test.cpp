// Decode attention on the CPU against its definition; and what the CUDA kernel rests on that needs no GPU: the index
// maps of the tensor cores' operands and the division of the work.
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "models/nn/kernels/grouped_decode.h"
#include "models/nn/kernels/latent_decode.h"
#include "models/nn/kernels/mma_fragments.h"
#include "models/nn/kernels/split_decode.h"
#include "tests/models/decode_reference.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

using testing::GroupedCase;
using testing::LatentCase;

const std::vector<int64_t> kRagged = {1, 63, 0, 64, 65, 100};

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();  // NaN where either has one
}

TEST(LatentDecode, IsTheDefinitionOnTheCpu) {
  for (const auto& [rank, rope] : {std::pair<int64_t, int64_t>{48, 32}, {128, 64}, {7, 3}}) {
    const LatentCase c(7, 9, rank, rope, kRagged, 101);
    const at::Tensor o = latent_decode(c.query_latent, c.query_rope, c.table, c.lengths, {}, c.scale);
    EXPECT_LT(difference(o, c.reference().output), 1e-12) << rank;
    EXPECT_EQ(o[2].abs().max().item<double>(), 0) << "a row of no tokens";
  }
}

TEST(LatentDecode, RowsNameTheTable) {
  const LatentCase c(5, 4, 16, 16, {3, 9, 12}, 12);
  const at::Tensor rows = at::tensor({4, 1, 2}, at::kLong);
  const at::Tensor all = latent_decode(c.query_latent, c.query_rope, c.table, c.lengths, {}, c.scale);
  const at::Tensor some = latent_decode(c.query_latent.index_select(0, rows), c.query_rope.index_select(0, rows),
                                        c.table, c.lengths, rows, c.scale);
  EXPECT_TRUE(some.equal(all.index_select(0, rows)));
}

TEST(LatentDecode, SixteenBitTypesComputeInFp32) {
  LatentCase c(3, 4, 32, 16, {40, 17, 64}, 64);
  c.round_to(at::kBFloat16);
  const at::Tensor o = latent_decode(c.query_latent.to(at::kBFloat16), c.query_rope.to(at::kBFloat16),
                                     c.table.to(at::kBFloat16), c.lengths, {}, c.scale);
  EXPECT_EQ(o.scalar_type(), at::kBFloat16);
  const at::Tensor exact = c.reference().output;
  EXPECT_LT(((o.to(at::kDouble) - exact).abs() / exact.abs().clamp_min(1e-3)).max().item<double>(), 0x1.02p-8);
}

TEST(LatentDecode, RefusesWhatDoesNotFit) {
  const LatentCase c(2, 4, 16, 16, {3}, 4);
  const auto call = [&](const at::Tensor& table, const at::Tensor& lengths, const at::Tensor& rows) {
    return latent_decode(c.query_latent, c.query_rope, table, lengths, rows, c.scale);
  };
  EXPECT_ERROR(call(c.table.narrow(2, 0, 31), c.lengths, {}), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(call(c.table.transpose(0, 1).contiguous().transpose(0, 1), c.lengths, {}), ErrorKind::kUsage,
               "bad_inputs");
  EXPECT_ERROR(call(c.table.to(at::kFloat), c.lengths, {}), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(call(c.table, c.lengths.to(at::kInt), {}), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(call(c.table, c.lengths, at::tensor({0}, at::kLong)), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(call(c.table.narrow(0, 0, 1), c.lengths.narrow(0, 0, 1), {}), ErrorKind::kUsage, "bad_inputs");
}

TEST(GroupedDecode, IsTheDefinitionOnTheCpu) {
  for (const auto& [heads, kv_heads] : {std::pair<int64_t, int64_t>{9, 3}, {4, 4}, {8, 1}}) {
    const GroupedCase c(7, heads, kv_heads, 24, kRagged, 101);
    const at::Tensor o = grouped_decode(c.query, c.keys, c.values, c.lengths, {}, c.scale);
    EXPECT_LT(difference(o, c.reference().output), 1e-12) << heads;
  }
  const GroupedCase c(2, 6, 4, 16, {3}, 4);
  EXPECT_ERROR(grouped_decode(c.query, c.keys, c.values, c.lengths, {}, c.scale), ErrorKind::kUsage, "bad_inputs");
}

// ldmatrix and mma.m16n8k16 as the PTX ISA defines them, on 16-bit elements that are plain numbers here.
struct Matrix {
  std::vector<float> data;
  int columns;
  float at(int row, int column) const { return data[static_cast<size_t>(row * columns + column)]; }
};
using Registers = std::array<std::array<std::array<float, 2>, 4>, 32>;  // [lane][register][half]

// place: of the eight values that each lane names; matrix i has the rows that lanes 8i.. name.
Registers load_matrices(const Matrix& m, int row, int column, fragments::Place (*place)(int), bool transposed) {
  Registers out{};
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i)
      for (int half = 0; half < 2; ++half) {
        const int in_row = transposed ? lane % 4 * 2 + half : lane / 4,
                  in_column = transposed ? lane / 4 : lane % 4 * 2 + half;
        const fragments::Place from = place(8 * i + in_row);
        out[lane][i][half] = m.at(row + from.row, column + from.column + in_column);
      }
  return out;
}

void multiply_add(std::array<std::array<float, 4>, 32>& c, const Registers& a, const Registers& b, int pair) {
  float left[16][16], right[16][8];
  for (int lane = 0; lane < 32; ++lane)
    for (int half = 0; half < 2; ++half) {
      const int group = lane / 4, k = lane % 4 * 2 + half;
      for (int i = 0; i < 4; ++i) left[group + i % 2 * 8][k + i / 2 * 8] = a[lane][i][half];
      for (int i = 0; i < 2; ++i) right[k + 8 * i][group] = b[lane][2 * pair + i][half];
    }
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i)
      for (int k = 0; k < 16; ++k) c[lane][i] += left[lane / 4 + i / 2 * 8][k] * right[k][lane % 4 * 2 + i % 2];
}

Matrix numbers(int rows, int columns, uint64_t seed) {
  const at::Tensor x = (testing::random_tensor({rows, columns}, seed) * 4).round().to(at::kFloat);
  return {std::vector<float>(x.const_data_ptr<float>(), x.const_data_ptr<float>() + x.numel()), columns};
}

TEST(Fragments, ScoresAndTheirProductWithTheSameTokensAreThoseOfTheMatrices) {
  const Matrix queries = numbers(16, 16, 1), tokens = numbers(16, 24, 2);  // 16 heads; 16 tokens of 24 values
  const Registers a = load_matrices(queries, 0, 0, fragments::left, false);
  const Registers keys = load_matrices(tokens, 0, 8, fragments::right_by_rows, false);
  std::array<std::array<float, 4>, 32> scores[2] = {};
  for (int n = 0; n < 2; ++n) multiply_add(scores[n], a, keys, n);
  Registers p{};  // the result's registers as the next product's left operand
  float expected[16][16];
  for (int head = 0; head < 16; ++head)
    for (int token = 0; token < 16; ++token) {
      expected[head][token] = 0;
      for (int k = 0; k < 16; ++k) expected[head][token] += queries.at(head, k) * tokens.at(token, 8 + k);
    }
  for (int lane = 0; lane < 32; ++lane)
    for (int n = 0; n < 2; ++n)
      for (int i = 0; i < 4; ++i) {
        const fragments::Place at = fragments::result(lane, i);
        EXPECT_EQ(scores[n][lane][i], expected[at.row][8 * n + at.column]);
        p[lane][i / 2 + 2 * n][i % 2] = scores[n][lane][i];
      }
  const Registers values = load_matrices(tokens, 0, 0, fragments::right_by_columns, true);
  for (int n = 0; n < 2; ++n) {
    std::array<std::array<float, 4>, 32> o = {};
    multiply_add(o, p, values, n);
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < 4; ++i) {
        const fragments::Place at = fragments::result(lane, i);
        float sum = 0;
        for (int token = 0; token < 16; ++token) sum += expected[at.row][token] * tokens.at(token, 8 * n + at.column);
        EXPECT_EQ(o[lane][i], sum);
      }
  }
}

constexpr DeviceLimits kH100{.multiprocessors = 132, .shared_bytes = 232448};
constexpr DeviceLimits kL4{.multiprocessors = 58, .shared_bytes = 101376};

SplitDecode latent_call(int batch, int heads, int rank, int rope, int64_t longest) {
  SplitDecode call;
  call.query[0].width = rank;
  call.query[1].width = rope;
  call.token[0].width = call.key_width = rank + rope;
  call.value_width = rank;
  call.batch = batch;
  call.groups = 1;
  call.heads = heads;
  call.longest = longest;
  return call;
}

TEST(SplitDecodePlan, FillsTheDeviceInOneWave) {
  for (const auto& [batch, context] : {std::pair<int, int64_t>{32, 8192}, {8, 32768}, {1, 131072}}) {
    const SplitDecodePlan plan = plan_split_decode(latent_call(batch, 32, 128, 64, context), kH100);
    EXPECT_EQ(plan.threads(), 256);
    EXPECT_LE(batch * plan.splits, 132);
    EXPECT_GE(batch * plan.splits, 120) << batch;
    EXPECT_EQ(plan.partial_floats, int64_t{batch} * 32 * plan.splits * 130);
  }
  EXPECT_EQ(plan_split_decode(latent_call(132, 32, 128, 64, 4096), kH100).partial_floats, 0);
  EXPECT_EQ(plan_split_decode(latent_call(1, 32, 128, 64, 20), kH100).splits, 1) << "never more parts than tiles";
}

TEST(SplitDecodePlan, TheMergeFitsWhereTheTilesWere) {
  for (int rank = 16; rank <= 512; rank += 8)
    for (const int rope : {16, 32, 64})
      for (const int heads : {9, 24, 128}) {
        const SplitDecode call = latent_call(4, heads, rank, rope, 8192);
        const SplitDecodePlan plan = plan_split_decode(call, kH100);
        EXPECT_LE(plan.shared_bytes, kH100.shared_bytes);
        EXPECT_GE(plan.stages, 2);
        EXPECT_GE(plan.value_warps * plan.value_columns, rank);
        EXPECT_LE(16 * plan.head_tiles * (rank + 8) * 4, plan.stages * kTileTokens * token_row(rank + rope) * 2);
        EXPECT_GE(plan.blocks_of_heads * plan.head_tiles * 16, heads);
      }
}

TEST(SplitDecodePlan, SmallerDevicesGetSmallerBlocksOrAClearError) {
  const SplitDecodePlan plan = plan_split_decode(latent_call(4, 32, 128, 64, 8192), kL4);
  EXPECT_LE(plan.shared_bytes, kL4.shared_bytes);
  EXPECT_ERROR(plan_split_decode(latent_call(4, 32, 512, 64, 8192), kL4), ErrorKind::kUsage, "unsupported_shape");
  for (const int rank : {8, 20, 520, 816})
    EXPECT_ERROR(plan_split_decode(latent_call(4, 32, rank, 32, 8192), kH100), ErrorKind::kUsage, "unsupported_shape");
}

// ldmatrix reads eight rows at once: their 16 bytes lie in eight different sets of banks.
TEST(SplitDecodePlan, RowsInSharedMemoryDoNotCollide) {
  for (int width = 16; width <= 576; width += 8)
    for (const int row : {query_row(width), token_row(width), probability_row(32), probability_row(64)}) {
      std::set<int> banks;
      for (int r = 0; r < 8; ++r) banks.insert(r * row * 2 % 128 / 16);
      EXPECT_EQ(banks.size(), 8U) << width;
    }
}

}  // namespace
}  // namespace frugal
