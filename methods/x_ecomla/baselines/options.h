// Keys of the other conversions to latents that the tables compare with: `method=mha2mla`, `method=transmla`. Links no
// LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "methods/calibration_options.h"

namespace frugal::x_ecomla {

struct Mha2MlaOptions : CalibrationOptions {
  Json layers = "all";
  std::string partial_rope_version = "high";
  int64_t rope_dim_for_mla = 8, uniform_start_point = 0;
  std::string svd_init_method = "joint";
  int64_t low_rank = 8;
  bool is_freeze_non_attn = false;
};
const OptionTable<Mha2MlaOptions>& mha2mla_options();

struct TransMlaOptions : CalibrationOptions {
  Json layers = "all";
  int64_t qk_mqa_dim = 64;
  std::optional<int64_t> freqfold;
  int64_t kv_lora_rank = 512;
  std::optional<int64_t> q_lora_rank;
  std::optional<double> balance_kv_ratio = 1;
};
const OptionTable<TransMlaOptions>& transmla_options();

}  // namespace frugal::x_ecomla
