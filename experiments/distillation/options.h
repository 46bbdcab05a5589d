// Keys of `experiment=distillation`. Links no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "experiments/training/language_options.h"

namespace frugal {

struct DistillationOptions : LanguageTrainingOptions {
  Json teacher = "base";  // base | a model's node
  int64_t seq_len = 2048;
  bool special_tokens = true;
  std::optional<int64_t> tokens;
  std::string objective = "kl";
  double kl_weight = 1, ce_weight = 0;
  std::string kl_reduction = "batchmean";
  bool fused_loss = true;
  int64_t loss_chunk = 1024;
  std::optional<int64_t> eval_sequences = 64;
};
const OptionTable<DistillationOptions>& distillation_options();

}  // namespace frugal
