// Which layers of a Llama-family checkpoint have multi-head latent attention, and of what sizes: the files
// MLA_config.json and mla_layer_config.json beside a config.json that still describes the model it was made from, as
// the checkpoints of X-EcoMLA have them. Links no LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/language/config.h"

namespace frugal {

inline constexpr const char* kMlaConfigFile = "MLA_config.json";
inline constexpr const char* kMlaLayerConfigFile = "mla_layer_config.json";

struct MlaRanks {
  int64_t query = 0, kv = 0;  // r_q, 0: queries are not compressed; r_kv
};

struct MlaConfig {
  int64_t nope = 0, rope = 0, value = 0;      // of a head: d_n without positions, d_r that turns, d_v
  bool latent_norm = false;                   // RMSNorm of both latents, eps 1e-6
  bool bias = false;                          // of q_a, kv_a and out_proj
  std::map<int64_t, MlaRanks> layers;         // those that are converted, by index
  MlaRanks nominal;                           // what was asked for, where layers differ
  std::optional<double> q_energy, kv_energy;  // by which ranks were chosen; null: they were given
  bool fixed_first_and_last = false;
  RopeConfig rotary;          // of dim d_r
  double softmax_factor = 1;  // of the scores' scale (d_n + d_r)^-0.5, YaRN's with mscale_all_dim
  bool bf16_angles = false;   // AngleType::kBFloat16
  // Of a layer: which pairs of the base model's heads turn, d_r/2 of d_h/2, at their own frequencies; `rotary` has no
  // say in such a layer. A pair may be named several times.
  std::map<int64_t, std::vector<int64_t>> pairs;

  bool converts(int64_t layer) const { return layers.contains(layer); }
};

// Whether the folder holds one of the two files.
bool has_mla_config(const std::filesystem::path& folder);

// base: of the config.json beside. Keys that mla_layer_config.json lacks have the defaults of the class that wrote it
// (they are stored as differences). `frugal` in it holds what those files cannot say: pairs, llama3 scaling, bf16
// angles. Error(kUsage, "file_not_found") when one of the two is missing; Error(kBadData, "bad_config" |
// "unsupported_config") naming the file.
MlaConfig read_mla_config(const std::filesystem::path& folder, const LlamaConfig& base);

// The two files by name, for save_language_model. The base's rope_scaling decides nothing here: config.rotary does.
std::map<std::string, Json> mla_files(const MlaConfig& config, const LlamaConfig& base);

// YaRN as DeepSeek's code has it: beta_fast 32, beta_slow 1, cos and sin times (0.1 ln factor + 1).
// original: M, the context before scaling.
RopeConfig deepseek_yarn(double theta, double factor, int64_t original);

}  // namespace frugal
