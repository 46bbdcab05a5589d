// Keys of `method=x_ecomla*`. Links no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config/options.h"
#include "methods/calibration_options.h"

namespace frugal::x_ecomla {

enum class RankMode { kFixed, kDynamic, kGlobal };
// Where the singular values go: into the down-projection (the authors' code), the up-projection (their paper), or their
// square roots into both.
enum class SigmaSide { kDown, kUp, kSqrt };
// Which directions of a head turn, and how (README.md).
enum class RopeInit { kCode, kPairHigh, kPairLow, kPair2Norm, kRorope };

struct XEcomlaOptions : CalibrationOptions {
  Json layers = "all";
  std::optional<int64_t> r_q, r_kv;
  double kv_budget = 0.5;
  std::optional<int64_t> d_nope, d_rope;
  std::string rank_mode = "fixed";
  double delta_q = 0.95, delta_kv = 0.95;
  std::string rank_rule = "code";
  bool fix_first_last = true, emulate_rank_bug = true;
  bool latent_ln = false;
  std::string init = "svd";
  std::string sigma_side = "down";
  std::string svd_metric = "weight";
  std::string rope_init = "code";
  std::string rope_mode = "yarn_code";
  int64_t yarn_m = 8192;
  bool emulate_bf16_bug = false;
  bool freeze_non_mla = false;

  RankMode ranks() const;
  SigmaSide sigma() const;
  RopeInit rotary() const;
};
const OptionTable<XEcomlaOptions>& x_ecomla_options();

// Keys of `method=kv_int8`, `kv_int4`: the baseline that stores keys and values as integers.
struct KvQuantOptions {
  Json layers = "all";
  int64_t bits = 8;
  std::optional<int64_t> group;
};
const OptionTable<KvQuantOptions>& kv_quant_options();

// The layers that `layers` names, ascending. Error(kUsage, "bad_value") for anything but "all" or a list of layers of a
// model that has `count`, each once.
std::vector<int64_t> chosen_layers(const Json& layers, int64_t count);

}  // namespace frugal::x_ecomla
