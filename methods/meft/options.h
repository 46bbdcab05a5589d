// Keys of `method=meft*`. Links no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config/options.h"

namespace frugal::meft {

enum class Variant { kMeft1, kMeft2, kMeft3 };

// How the reversible backward gets the layers' inputs back (spec: reconstruction multiplies errors by 1/lambda a
// layer).
//   none         published: by inverting the coupling in floating point
//   anchors      exact streams stored every `anchor_every` layers
//   fixed_point  integer streams, inverted bit for bit
enum class Exactness { kNone, kAnchors, kFixedPoint };
enum class Readout { kMean, kMain, kMainPlusScaled, kConcat };

struct MeftOptions {
  std::string variant = "meft1";
  std::optional<double> lambda, beta;  // null: the variant's published values
  int64_t adapter_dim = 8;
  bool layernorm_in_adapter = false;
  double adapter_init = 0.02;
  std::string plan;
  std::optional<int64_t> num_rev_layers;
  bool freeze_irreversible_layers = false;
  std::string exactness = "none";
  std::optional<int64_t> anchor_every;
  int64_t fixed_point_bits = 16;
  std::string stream_dtype = "fp32";
  std::string readout = "mean";
  double sum_scale = 0.1;
  bool switch_streams = true;
  std::optional<double> anneal_to;
  double anneal_until = 0.15;
  int64_t residual_every = 0;

  Variant which() const;
  Exactness exact() const;
  Readout read_out() const;
  double lambda_value() const;      // published: meft1 0.1, meft2 1, meft3 0.1
  double beta_value() const;        // published: meft1 1, meft2 0.1, meft3 0.1
  int64_t anchor_interval() const;  // default: 4 (meft1, meft2), 2 (meft3)
};

const OptionTable<MeftOptions>& meft_options();

enum class LayerMode { kFrozen, kReversible, kVanilla };

// One mode a layer, bottom first. From `plan` ("frozen:8,rev:8,vanilla:8"), or from num_rev_layers and
// freeze_irreversible_layers as the official code has them: without freezing the first k layers are reversible and the
// rest keep their activations; with it the first N-k are frozen plain layers and the last k are reversible.
// Error(kUsage, "bad_plan") when it does not cover `layers`, or a frozen layer lies above another kind.
std::vector<LayerMode> layer_plan(const MeftOptions& options, int64_t layers);

// Checks what one key alone cannot show (lambda 0 with a reversible backward, a lambda that fixed point cannot invert).
void check(const MeftOptions& options, int64_t layers);

}  // namespace frugal::meft
