// What the decode kernel needs of a call and its plan, made once on the host.
#pragma once

#include "models/nn/kernels/split_decode.h"

namespace frugal::cuda {
namespace {

constexpr float kLog2E = 1.4426950408889634F;

struct Arguments {
  QueryPiece query[2];
  TokenPiece token[2];
  uint32_t per_piece[2];  // 2^32 / (units of 16 bytes of a token's piece), rounded up: row = unit * per_piece >> 32
  int key_steps, query_stride, token_stride, tail;
  int value_offset, value_width, warp_columns;
  int heads, blocks_of_heads, all_heads, splits, teams, stages;
  float scale_log2;
  const int64_t* lengths;
  const int64_t* rows;
  void* output;
  float* partial;
};

inline Arguments arguments(const SplitDecode& call, const SplitDecodePlan& plan) {
  const int width = call.token[0].width + call.token[1].width;
  Arguments a{.query = {call.query[0], call.query[1]}, .token = {call.token[0], call.token[1]}};
  for (int p = 0; p < 2; ++p) {
    const uint64_t units = static_cast<uint64_t>(call.token[p].width) / 8;
    if (units != 0) a.per_piece[p] = static_cast<uint32_t>(((uint64_t{1} << 32) + units - 1) / units);
  }
  a.key_steps = round_up(call.key_width, 16) / 16;
  a.query_stride = query_row(call.key_width);
  a.token_stride = token_row(width);
  a.tail = width % 16 == 0 ? -1 : width;
  a.value_offset = call.value_offset;
  a.value_width = call.value_width;
  a.warp_columns = round_up((call.value_width + plan.value_warps - 1) / plan.value_warps, 16);
  a.heads = call.heads;
  a.blocks_of_heads = plan.blocks_of_heads;
  a.all_heads = call.groups * call.heads;
  a.splits = plan.splits;
  a.teams = plan.teams;
  a.stages = plan.stages;
  a.scale_log2 = call.scale * kLog2E;
  a.lengths = call.lengths;
  a.rows = call.rows;
  a.output = call.output;
  a.partial = call.partial;
  return a;
}

}  // namespace
}  // namespace frugal::cuda
