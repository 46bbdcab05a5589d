// Keys of `experiment=language_modelling`. Links no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/config/options.h"

namespace frugal {

struct LanguageModellingOptions {
  int64_t batch_tokens = 8192;
  std::string precision = "fp32";
  std::optional<int64_t> max_length;
  int64_t least_context = 1;
  std::optional<bool> add_bos;
  std::optional<int64_t> prefix_token;
  Json teacher = "none";  // none | base | a model's node
};
const OptionTable<LanguageModellingOptions>& language_modelling_options();

// What `experiment.teacher` may be: a word of `words`, or the keys of a model (model@experiment.teacher=...).
// Error(kUsage, "bad_value").
void check_teacher(const Json& teacher, const std::vector<std::string>& words, const Locator& where);

}  // namespace frugal
