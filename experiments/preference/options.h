// Keys of `experiment=preference` and of its data sets. Links no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/training/language_options.h"

namespace frugal {

struct PreferenceOptions : LanguageTrainingOptions {
  PreferenceOptions() {
    batch_size = 4;
    learning_rate = 5e-7;
    warmup_ratio = 0.1;
    beta2 = 0.999;
  }
  double beta = 0.01;
  int64_t max_length = 1024, max_prompt_length = 512;
  int64_t passes = 1;
};
const OptionTable<PreferenceOptions>& preference_options();

struct PreferenceDatasetOptions {
  std::string name = "preferences";
  std::vector<std::string> files, eval_files;
  std::optional<std::string> chat_template;
  bool empty_system = false;
  std::optional<int64_t> limit;
};
const OptionTable<PreferenceDatasetOptions>& preference_dataset_options();

}  // namespace frugal
