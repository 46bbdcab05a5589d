// Attention of one new token a sequence over a long cache (decode), split over the context as flash-decoding does (Dao
// et al., 2023): the raw side of latent_decode and grouped_decode, without LibTorch or CUDA headers.
//
// One thread block serves one (sequence, part of the context, tile of heads that read the same keys). Every stored
// token comes once from global into shared memory and serves both products there, so the kernel is bound by the
// bandwidth of device memory; scores and probabilities never leave registers and shared memory. Parts are merged by
// their log-sum-exp in a second, small kernel. Lengths are read on the device: a launch can be captured into a CUDA
// graph and replayed as the sequences grow.
#pragma once

#include <cstdint>

#include "models/nn/element_type.h"

using cudaStream_t = struct CUstream_st*;

namespace frugal {

// Up to two pieces make up a query, and a stored token; a piece of width 0 is absent. Strides and widths are in
// elements, widths and strides multiples of 8, pointers aligned to 16 bytes.
struct QueryPiece {
  const void* data = nullptr;
  int64_t sequence_stride = 0, head_stride = 0;
  int width = 0;
};
struct TokenPiece {
  const void* data = nullptr;
  int64_t row_stride = 0, token_stride = 0, group_stride = 0;
  int width = 0;
};

// For sequence b and head h of group g: softmax(q . token[:key_width] * scale, over the row's tokens) times
// token[value_offset : value_offset + value_width], where q and the token are their pieces one behind the other.
struct SplitDecode {
  ElementType type = ElementType::kBfloat16;  // of queries, tokens and output: kBfloat16 or kHalf
  QueryPiece query[2];
  TokenPiece token[2];
  int key_width = 0, value_offset = 0, value_width = 0;
  int batch = 0, groups = 0, heads = 0;  // heads of one group
  float scale = 1;
  int64_t longest = 0;               // no row is longer: for the plan only
  const int64_t* lengths = nullptr;  // on the device, by row of the table: tokens stored, the new one included
  const int64_t* rows = nullptr;     // on the device, of the table, one a sequence; null: row b
  void* output = nullptr;            // [batch, groups * heads, value_width]; zeros for a row of no tokens
  float* partial = nullptr;          // as many floats as SplitDecodePlan::partial_floats says
};

struct DeviceLimits {
  int multiprocessors = 0;
  int shared_bytes = 0;  // that one block may have
};

constexpr int kTileTokens = 32;  // that the warps of a team share

// How the work is cut. Depends on nothing that changes from step to step.
struct SplitDecodePlan {
  int head_tiles = 0;       // of 16 heads, in one block: 1 or 2
  int blocks_of_heads = 0;  // a group
  int value_warps = 0;      // warps that share a tile of tokens, each with its part of the value columns: 1, 2 or 4
  int value_columns = 0;    // most columns of one warp: 64 or 128
  int teams = 0;            // of value_warps warps in a block, each with tiles of its own
  int stages = 0;           // tiles of a team in shared memory
  int splits = 0;           // parts of the context
  int shared_bytes = 0;
  int64_t partial_floats = 0;

  int threads() const { return teams * value_warps * 32; }
};

// Error(kUsage, "unsupported_shape") says which of the call's sizes the kernel does not take.
SplitDecodePlan plan_split_decode(const SplitDecode& call, const DeviceLimits& device);

// Sizes in shared memory that plan and kernel must agree on, in elements.
constexpr int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}
// An odd number of 16-byte units a row, so that the eight rows that ldmatrix reads at once lie in different banks.
constexpr int query_row(int key_width) {
  return round_up(key_width, 16) + 8;
}
constexpr int token_row(int width) {
  return round_up(width, 16) + 8;
}
constexpr int probability_row(int tokens) {
  return tokens + 8;
}
constexpr int kMostSplits = 256;

namespace cuda {

// Asynchronous on `stream`; returns a cudaError_t.
int launch_split_decode(const SplitDecode& call, const SplitDecodePlan& plan, cudaStream_t stream);

}  // namespace cuda
}  // namespace frugal
