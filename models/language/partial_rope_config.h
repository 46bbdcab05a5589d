// Which layers of a Llama-family checkpoint keep rotary positions on a part of every key head and draw the rest of keys
// and values from a latent: the object `mha2mla` in config.json, as the checkpoints of MHA2MLA (arXiv 2502.14837) have
// it. Links no LibTorch.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/language/config.h"

namespace frugal {

inline constexpr const char* kPartialRopeKey = "mha2mla";

// Of every key head: the rotary pairs (i, i + d_h/2) that turn, ascending.
using HeadPairs = std::vector<std::vector<int64_t>>;

struct PartialRopeConfig {
  std::string partial_rope_version = "high";  // high | low | uniform | 2-norm
  int64_t rope_dim_for_mla = 0;               // r, even, of a head that turns
  int64_t uniform_start_point = 0;
  std::string svd_init_method = "joint";  // joint: one latent for keys and values; split: one each
  int64_t low_rank = 0;                   // width of a latent for each key head
  std::map<int64_t, HeadPairs> layers;    // those that are converted, by index

  int64_t latent(const LlamaConfig& base) const { return low_rank * base.kv_heads(); }  // m, of one latent
  bool is_joint() const { return svd_init_method == "joint"; }
  bool converts(int64_t layer) const { return layers.contains(layer); }
};

// r/2 pairs of a head of head_size by the rule `high` (the fastest), `low` (the slowest) or `uniform` (every
// (head_size/r)-th from `start` on). Error(kBadData, "bad_config") for sizes that do not fit.
std::vector<int64_t> rotary_pairs(std::string_view rule, int64_t head_size, int64_t r, int64_t start);

// Null where config.json has no such object, or one that says `is_baseline`. `frugal` in it holds what the authors keep
// elsewhere: `layers` (absent: all of them are converted) and `rope_pairs`, by layer and key head, which 2-norm needs.
// Error(kBadData, "bad_config" | "unsupported_config") naming `where`.
std::optional<PartialRopeConfig> read_partial_rope(const Json& config_json, const LlamaConfig& base,
                                                   const std::string& where);
// The object, for config.json.
Json partial_rope_json(const PartialRopeConfig& config, const LlamaConfig& base);

}  // namespace frugal
