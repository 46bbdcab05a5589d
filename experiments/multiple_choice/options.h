// Keys of `experiment=multiple_choice` and of its data sets. Links no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config/options.h"

namespace frugal {

struct MultipleChoiceOptions {
  int64_t batch_tokens = 4096, batch_rows = 64;
  std::string precision = "fp32";
  std::optional<int64_t> max_length;
  std::optional<bool> add_bos;
  bool share_prefixes = true;
};
const OptionTable<MultipleChoiceOptions>& multiple_choice_options();

struct MultipleChoiceDatasetOptions {
  std::string name = "multiple_choice";
  std::string benchmark;
  std::string split;
  int64_t shots = 0;
  std::string examples = "first";
  std::string prompt = "harness";
  std::vector<std::string> subjects;
  std::optional<int64_t> limit;
};
const OptionTable<MultipleChoiceDatasetOptions>& multiple_choice_dataset_options();

}  // namespace frugal
