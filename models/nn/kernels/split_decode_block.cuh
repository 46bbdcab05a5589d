// What one block of the decode kernel does with its share of the tokens. Whoever includes it brings the instructions
// that it is made of: mma.cuh, or a test's imitation of them on the CPU.
#pragma once

#include "models/nn/kernels/mma_fragments.h"
#include "models/nn/kernels/split_decode_arguments.h"

namespace frugal::cuda {
namespace {

constexpr int kThreads = 256;
constexpr float kNegativeInfinity = -INFINITY;

// What a share {its largest score, its sum} counts for beside others. An empty share has the sum 0; one that is no
// number stays so, since a maximum forgets it.
__device__ float share_weight(float2 share, float most) {
  if (share.y == 0) return 0;
  return isnan(share.y) ? share.y : exp2_fast(share.x - most);
}

// kHeadTiles: of 16 heads. kColumns: of the value, at most, of a warp. kWarps: that share a tile of tokens.
template <typename T, int kHeadTiles, int kColumns, int kWarps>
struct Block {
  static constexpr int kHeads = 16 * kHeadTiles;
  static constexpr int kTile = kTileTokens;
  static constexpr int kTokens = kTile / kWarps;  // of a tile, whose scores one warp computes
  static constexpr int kProbabilityRow = probability_row(kTile);

  const Arguments& arg;
  int lane, team, warp;  // warp within the team
  T *queries, *tiles, *probabilities;
  float *maxima, *sums, *weights, *row_max, *row_sum;
  const T* source[2];
  int64_t length;
  float (*scores)[4];

  __device__ Block(const Arguments& a, unsigned char* memory) : arg(a) {
    lane = static_cast<int>(threadIdx.x) & 31;
    const int index = static_cast<int>(threadIdx.x) >> 5;
    team = index / kWarps;
    warp = index % kWarps;
    queries = reinterpret_cast<T*>(memory);
    tiles = queries + kHeads * a.query_stride;
    probabilities = tiles + a.teams * a.stages * kTile * a.token_stride;
    T* end = probabilities + (kWarps > 1 ? a.teams * kHeads * kProbabilityRow : 0);
    maxima = reinterpret_cast<float*>(end);
    sums = maxima + a.teams * kWarps * kHeads;
    weights = sums + a.teams * kWarps * kHeads;
    row_max = weights + a.teams * kHeads;
    row_sum = row_max + kHeads;
  }

  // The barrier of one team; a team of one warp needs none across warps.
  __device__ void sync() const {
    if constexpr (kWarps == 1)
      __syncwarp();
    else
      barrier<kWarps * 32>(team + 1);
  }

  __device__ T* tile(int slot) const { return tiles + (team * arg.stages + slot) * kTile * arg.token_stride; }

  // Query rows and the columns behind a token's end that the last step of the inner dimension reads: zeros.
  __device__ void fill_zeros() const {
    const int units = kHeads * arg.query_stride / 8;
    for (int i = static_cast<int>(threadIdx.x); i < units; i += static_cast<int>(blockDim.x))
      reinterpret_cast<uint4*>(queries)[i] = uint4{0, 0, 0, 0};
    if (arg.tail < 0) return;
    const int tokens = arg.teams * arg.stages * kTile;
    for (int i = static_cast<int>(threadIdx.x); i < tokens; i += static_cast<int>(blockDim.x))
      *reinterpret_cast<uint4*>(tiles + i * arg.token_stride + arg.tail) = uint4{0, 0, 0, 0};
  }

  __device__ void load_queries(int sequence, int first_head, int heads) const {
    int at = 0;
    for (int p = 0; p < 2; ++p) {
      const QueryPiece& piece = arg.query[p];
      const int units = piece.width / 8;
      if (units == 0) continue;
      const T* from = static_cast<const T*>(piece.data) + sequence * piece.sequence_stride;
      for (int i = static_cast<int>(threadIdx.x); i < heads * units; i += static_cast<int>(blockDim.x)) {
        const int head = i / units, unit = i % units;
        *reinterpret_cast<uint4*>(queries + head * arg.query_stride + at + unit * 8) =
            *reinterpret_cast<const uint4*>(from + (first_head + head) * piece.head_stride + unit * 8);
      }
      at += piece.width;
    }
  }

  // Starts the copies of tile `index` of the row's tokens; tokens past the row's length become zeros.
  __device__ void load_tile(int index, int slot) const {
    const uint32_t to = shared_address(tile(slot));
    const int64_t first = int64_t{index} * kTile;
    const int valid = static_cast<int>(min(int64_t{kTile}, length - first));
    uint32_t at = 0;
#pragma unroll
    for (int p = 0; p < 2; ++p) {
      const int width = arg.token[p].width;
      if (width == 0) continue;
      const int stride = static_cast<int>(arg.token[p].token_stride);
      const T* from = source[p] + first * stride;
      const auto units = static_cast<uint32_t>(width / 8);
#pragma unroll 4
      for (uint32_t i = warp * 32 + lane; i < kTile * units; i += kWarps * 32) {
        const uint32_t row = __umulhi(i, arg.per_piece[p]), column = (i - row * units) * 8;
        const bool inside = static_cast<int>(row) < valid;
        copy_async(to + (row * arg.token_stride + at + column) * sizeof(T),
                   from + (inside ? static_cast<int>(row) * stride + static_cast<int>(column) : 0), inside);
      }
      at += width;
    }
  }

  __device__ void wait() const {
    if (arg.stages == 2)
      wait_copies<0>();
    else if (arg.stages == 3)
      wait_copies<1>();
    else
      wait_copies<2>();
  }

  // This warp's tokens against all heads: s[m][n] is heads 16m.. by tokens 8n...
  __device__ void multiply_keys(const T* tokens, float (&s)[kHeadTiles][kTokens / 8][4]) const {
    if constexpr (kTokens == 8)
      multiply_eight_keys(tokens, s);
    else
      multiply_pairs_of_eight_keys(tokens, s);
  }

  __device__ void multiply_eight_keys(const T* tokens, float (&s)[kHeadTiles][1][4]) const {
    const fragments::Place left = fragments::left(lane), right = fragments::right_by_eight_rows(lane);
    uint32_t q = shared_address(queries + left.row * arg.query_stride + left.column);
    uint32_t k = shared_address(tokens + (warp * kTokens + right.row) * arg.token_stride + right.column);
    const uint32_t next_heads = 16 * arg.query_stride * sizeof(T);
    float odd[kHeadTiles][4] = {};  // a second chain of additions: neither waits for the other
#pragma unroll 2
    for (int step = 0; step < arg.key_steps; step += 2, q += 32 * sizeof(T), k += 32 * sizeof(T)) {
      uint32_t b[4];
      load_matrices(b, k);  // an odd last step reads past the row's end, and does not use it
#pragma unroll
      for (int m = 0; m < kHeadTiles; ++m) {
        uint32_t a[4];
        load_matrices(a, q + m * next_heads);
        Half2<T>::multiply_add(s[m][0], a, b[0], b[1]);
        if (step + 1 < arg.key_steps) {
          load_matrices(a, q + m * next_heads + 16 * sizeof(T));
          Half2<T>::multiply_add(odd[m], a, b[2], b[3]);
        }
      }
    }
#pragma unroll
    for (int m = 0; m < kHeadTiles; ++m)
#pragma unroll
      for (int i = 0; i < 4; ++i) s[m][0][i] += odd[m][i];
  }

  __device__ void multiply_pairs_of_eight_keys(const T* tokens, float (&s)[kHeadTiles][kTokens / 8][4]) const {
    const fragments::Place left = fragments::left(lane), right = fragments::right_by_rows(lane);
    uint32_t q = shared_address(queries + left.row * arg.query_stride + left.column);
    uint32_t k = shared_address(tokens + (warp * kTokens + right.row) * arg.token_stride + right.column);
    const uint32_t next_heads = 16 * arg.query_stride * sizeof(T), next_tokens = 16 * arg.token_stride * sizeof(T);
#pragma unroll 2
    for (int step = 0; step < arg.key_steps; ++step, q += 16 * sizeof(T), k += 16 * sizeof(T)) {
      uint32_t a[kHeadTiles][4];
#pragma unroll
      for (int m = 0; m < kHeadTiles; ++m) load_matrices(a[m], q + m * next_heads);
#pragma unroll
      for (int n = 0; n < kTokens / 16; ++n) {
        uint32_t b[4];
        load_matrices(b, k + n * next_tokens);
#pragma unroll
        for (int m = 0; m < kHeadTiles; ++m) {
          Half2<T>::multiply_add(s[m][2 * n], a[m], b[0], b[1]);
          Half2<T>::multiply_add(s[m][2 * n + 1], a[m], b[2], b[3]);
        }
      }
    }
  }

  __device__ void hide_past_end(int64_t first, float (&s)[kHeadTiles][kTokens / 8][4]) const {
    if (first + kTile <= length) return;
    const int64_t base = first + warp * kTokens;
#pragma unroll
    for (int n = 0; n < kTokens / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (base + 8 * n + fragments::result(lane, i).column >= length)
#pragma unroll
          for (int m = 0; m < kHeadTiles; ++m) s[m][n][i] = kNegativeInfinity;
  }

  // Largest score of each head in the tile; [m][i] is head 16m + lane/4 + 8i.
  __device__ void tile_maxima(const float (&s)[kHeadTiles][kTokens / 8][4], float (&most)[kHeadTiles][2]) const {
#pragma unroll
    for (int m = 0; m < kHeadTiles; ++m)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        float x = kNegativeInfinity;
#pragma unroll
        for (int n = 0; n < kTokens / 8; ++n) x = fmaxf(x, fmaxf(s[m][n][2 * i], s[m][n][2 * i + 1]));
        x = fmaxf(x, __shfl_xor_sync(0xffffffffU, x, 1));
        most[m][i] = fmaxf(x, __shfl_xor_sync(0xffffffffU, x, 2));
      }
    if constexpr (kWarps > 1) {
      float* own = maxima + (team * kWarps + warp) * kHeads;
      if ((lane & 3) == 0)
#pragma unroll
        for (int m = 0; m < kHeadTiles; ++m)
#pragma unroll
          for (int i = 0; i < 2; ++i) own[16 * m + (lane >> 2) + 8 * i] = most[m][i];
      sync();
#pragma unroll
      for (int m = 0; m < kHeadTiles; ++m)
#pragma unroll
        for (int i = 0; i < 2; ++i)
#pragma unroll
          for (int w = 0; w < kWarps; ++w)
            most[m][i] = fmaxf(most[m][i], maxima[(team * kWarps + w) * kHeads + 16 * m + (lane >> 2) + 8 * i]);
    }
  }

  // o += p v for this warp's columns. p of one warp comes from its registers, of several through shared memory.
  __device__ void multiply_values(const T* tokens, const uint32_t (&p)[kHeadTiles][kTokens / 8][2],
                                  float (&o)[kHeadTiles][kColumns / 8][4]) const {
    const fragments::Place left = fragments::left(lane), right = fragments::right_by_columns(lane);
    const uint32_t v = shared_address(tokens + right.row * arg.token_stride + arg.value_offset +
                                      warp * arg.warp_columns + right.column);
    const uint32_t shared =
        shared_address(probabilities + team * kHeads * kProbabilityRow + left.row * kProbabilityRow + left.column);
    const int columns = min(arg.warp_columns, arg.value_width - warp * arg.warp_columns);
#pragma unroll
    for (int k = 0; k < kTile / 16; ++k) {
      uint32_t a[kHeadTiles][4];
#pragma unroll
      for (int m = 0; m < kHeadTiles; ++m) {
        if constexpr (kWarps == 1) {
          a[m][0] = p[m][2 * k][0];
          a[m][1] = p[m][2 * k][1];
          a[m][2] = p[m][2 * k + 1][0];
          a[m][3] = p[m][2 * k + 1][1];
        } else {
          load_matrices(a[m], shared + (16 * m * kProbabilityRow + 16 * k) * sizeof(T));
        }
      }
#pragma unroll
      for (int n = 0; n < kColumns / 16; ++n) {
        if (16 * n < columns) {
          uint32_t b[4];
          load_matrices_transposed(b, v + (16 * k * arg.token_stride + 16 * n) * sizeof(T));
#pragma unroll
          for (int m = 0; m < kHeadTiles; ++m) {
            Half2<T>::multiply_add(o[m][2 * n], a[m], b[0], b[1]);
            Half2<T>::multiply_add(o[m][2 * n + 1], a[m], b[2], b[3]);
          }
        }
      }
    }
  }

  // Starts what `run` finds under way: all stages but one.
  __device__ void prefetch(int begin, int end) const {
    for (int i = 0; i + 1 < arg.stages; ++i) {
      const int index = begin + team + i * arg.teams;
      if (index < end) load_tile(index, i);
      commit_copies();
    }
  }

  // All tiles of one team: o = sum of 2^(s - most) v, sum of 2^(s - most) over this warp's own tokens.
  __device__ void run(int begin, int end, float (&o)[kHeadTiles][kColumns / 8][4], float (&most)[kHeadTiles][2],
                      float (&sum)[kHeadTiles][2]) const {
    int next = begin + team + (arg.stages - 1) * arg.teams, slot = 0;
    for (int index = begin + team; index < end; index += arg.teams, next += arg.teams) {
      wait();
      sync();
      if (next < end) load_tile(next, slot == 0 ? arg.stages - 1 : slot - 1);
      commit_copies();
      step(tile(slot), int64_t{index} * kTile, o, most, sum);
      slot = slot + 1 == arg.stages ? 0 : slot + 1;
    }
    wait_copies<0>();
  }

  __device__ void step(const T* tokens, int64_t first, float (&o)[kHeadTiles][kColumns / 8][4],
                       float (&most)[kHeadTiles][2], float (&sum)[kHeadTiles][2]) const {
    float s[kHeadTiles][kTokens / 8][4] = {};
    multiply_keys(tokens, s);
    hide_past_end(first, s);
    float now[kHeadTiles][2];
    tile_maxima(s, now);
    bool grown = false;
    float shrink[kHeadTiles][2];
#pragma unroll
    for (int m = 0; m < kHeadTiles; ++m)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float larger = fmaxf(most[m][i], now[m][i] * arg.scale_log2);
        grown = grown || larger != most[m][i];
        shrink[m][i] = exp2_fast(most[m][i] - larger);
        most[m][i] = larger;
      }
    if (__any_sync(0xffffffffU, grown)) {
#pragma unroll
      for (int m = 0; m < kHeadTiles; ++m)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          sum[m][i] *= shrink[m][i];
#pragma unroll
          for (int n = 0; n < kColumns / 8; ++n) {
            o[m][n][2 * i] *= shrink[m][i];
            o[m][n][2 * i + 1] *= shrink[m][i];
          }
        }
    }
    uint32_t p[kHeadTiles][kTokens / 8][2];
#pragma unroll
    for (int m = 0; m < kHeadTiles; ++m)
#pragma unroll
      for (int n = 0; n < kTokens / 8; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float low = exp2_fast(fmaf(s[m][n][2 * i], arg.scale_log2, -most[m][i]));
          const float high = exp2_fast(fmaf(s[m][n][2 * i + 1], arg.scale_log2, -most[m][i]));
          sum[m][i] += low + high;
          p[m][n][i] = Half2<T>::pack(low, high);
        }
    if constexpr (kWarps > 1) {
      T* to = probabilities + team * kHeads * kProbabilityRow + warp * kTokens;
#pragma unroll
      for (int m = 0; m < kHeadTiles; ++m)
#pragma unroll
        for (int n = 0; n < kTokens / 8; ++n)
#pragma unroll
          for (int i = 0; i < 2; ++i) {
            const fragments::Place at = fragments::result(lane, 2 * i);
            *reinterpret_cast<uint32_t*>(to + (16 * m + at.row) * kProbabilityRow + 8 * n + at.column) = p[m][n][i];
          }
      sync();
    }
    multiply_values(tokens, p, o);
  }

  // The teams' shares become one, in the memory that held the tiles: shares [teams][heads][value_width + 8] fp32.
  __device__ void merge_teams(const float (&o)[kHeadTiles][kColumns / 8][4], const float (&most)[kHeadTiles][2],
                              float (&sum)[kHeadTiles][2]) const {
    __syncthreads();
    const int stride = arg.value_width + 8;
    float* shares = reinterpret_cast<float*>(tiles) + team * kHeads * stride;
    float* most_of_team = maxima + team * kWarps * kHeads;
    float* sum_of_warp = sums + (team * kWarps + warp) * kHeads;
#pragma unroll
    for (int m = 0; m < kHeadTiles; ++m)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const fragments::Place at = fragments::result(lane, 2 * i);
        sum[m][i] += __shfl_xor_sync(0xffffffffU, sum[m][i], 1);
        sum[m][i] += __shfl_xor_sync(0xffffffffU, sum[m][i], 2);
        if ((lane & 3) == 0) {
          sum_of_warp[16 * m + at.row] = sum[m][i];
          if (warp == 0) most_of_team[16 * m + at.row] = most[m][i];
        }
#pragma unroll
        for (int n = 0; n < kColumns / 8; ++n) {
          const int in_warp = 8 * n + at.column, column = warp * arg.warp_columns + in_warp;
          if (in_warp < arg.warp_columns && column < arg.value_width)
            *reinterpret_cast<float2*>(shares + (16 * m + at.row) * stride + column) =
                float2{o[m][n][2 * i], o[m][n][2 * i + 1]};
        }
      }
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < kHeads) weigh_teams(static_cast<int>(threadIdx.x));
    __syncthreads();
  }

  __device__ void weigh_teams(int head) const {
    float most = kNegativeInfinity, sum = 0;
    for (int t = 0; t < arg.teams; ++t) most = fmaxf(most, maxima[t * kWarps * kHeads + head]);
    for (int t = 0; t < arg.teams; ++t) {
      float of_team = 0;
      for (int w = 0; w < kWarps; ++w) of_team += sums[(t * kWarps + w) * kHeads + head];
      const float weight = share_weight({maxima[t * kWarps * kHeads + head], of_team}, most);
      weights[t * kHeads + head] = weight;
      sum += weight * of_team;
    }
    row_max[head] = most;
    row_sum[head] = sum;
  }

  __device__ float4 merged(int head, int column) const {
    const int stride = arg.value_width + 8;
    const float* from = reinterpret_cast<const float*>(tiles) + head * stride + column;
    float4 total{0, 0, 0, 0};
    for (int t = 0; t < arg.teams; ++t) {
      const float4 x = *reinterpret_cast<const float4*>(from + t * kHeads * stride);
      const float weight = weights[t * kHeads + head];
      total.x += weight * x.x;
      total.y += weight * x.y;
      total.z += weight * x.z;
      total.w += weight * x.w;
    }
    return total;
  }
};

}  // namespace
}  // namespace frugal::cuda
