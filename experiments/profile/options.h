// Keys of `experiment=profile`. Links no LibTorch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/options.h"

namespace frugal {

struct ProfileOptions {
  std::string family = "text_encoder";
  std::vector<std::string> modes = {"forward", "train_step"};
  std::vector<int64_t> batch_sizes = {1, 8};
  std::vector<int64_t> lengths = {128};
  int64_t labels = 2;
  int64_t new_tokens = 16;
  bool graph = true;
  std::string precision = "fp32";
  int64_t warmup = 3, min_samples = 10, max_samples = 10000;
  double min_seconds = 0.5, time_limit = 10, relative_spread = 0.005, believable_spread = 0.05;
  // "none", "plain", or a method's keys (method@experiment.baseline=lora).
  Json baseline = "none";
  int64_t trace = 0;
};
const OptionTable<ProfileOptions>& profile_options();

// What one key alone cannot show: names in lists, sizes, the number of cells. node: experiment.
// Error(kUsage, "bad_value").
void check_profile(const Json& node, const Locator& where = {});

}  // namespace frugal
