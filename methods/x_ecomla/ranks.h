// How many directions each layer keeps, and what a cache of them costs. Links no LibTorch.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/language/mla_config.h"

namespace frugal::x_ecomla {

// Ranks are multiples of it.
inline constexpr int64_t kRankStep = 8;

// Of one layer: squared singular values, descending; as many as there are directions.
using Energies = std::vector<double>;

// The rank that keeps the share delta, in (0, 1], of the energy, rounded up to a multiple of kRankStep and at most all.
//   code   number of prefixes whose share is at most delta, at least 1
//   paper  the shortest prefix whose share is at least delta (paper)
int64_t energy_rank(const Energies& energies, double delta, std::string_view rule);

// Shares `mean` * layers among the layers in steps of kRankStep so that the energy kept over all of them is the
// largest; each gets at least one step and at most all it has. The sum is exact unless the layers have less.
std::vector<int64_t> global_ranks(const std::vector<Energies>& layers, int64_t mean);

struct AttentionSizes {
  int64_t hidden = 0, heads = 0, kv_heads = 0, head = 0;  // d, n_h, n_kv, d_h
  int64_t nope = 0, rope = 0;                             // d_n, d_r
};

// The largest rank of the queries with which a layer has no more parameters than the base attention, a multiple of
// kRankStep between one step and full rank:
//   r_q (d + n_h (d_n + d_r)) + d (r_kv + d_r) + r_kv n_h (d_n + d_h) <= n_h d_h d + 2 n_kv d_h d
int64_t matched_query_rank(const AttentionSizes& sizes, int64_t kv_rank);

// The largest multiple of kRankStep with r_kv + d_r <= share * 2 n_kv d_h, at least one step.
int64_t budget_kv_rank(const AttentionSizes& sizes, double share);

// Numbers that a cache holds of a token: r_kv + d_r in converted layers, 2 n_kv d_h in the others.
int64_t cached_numbers(const MlaConfig& config, const LlamaConfig& base);
// The same over those of the base model: the papers' "KV size".
double cache_share(const MlaConfig& config, const LlamaConfig& base);

}  // namespace frugal::x_ecomla
