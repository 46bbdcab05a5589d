// The architectures there are: names, families, and what their `model.config` may say. Links no LibTorch.
#pragma once

#include <span>
#include <string_view>

#include "core/config/options.h"

namespace frugal {

enum class ModelFamily { kTextEncoder, kLanguageModel };
std::string_view name(ModelFamily family);  // "text encoder", "language model"

struct ArchitectureInfo {
  std::string_view name;  // as config.json's model_type names it
  ModelFamily family;
  // Checks the keys of `model.config`: Error(kUsage) at its place.
  void (*check_config)(const Json& config, const Locator& where);
};

std::span<const ArchitectureInfo> architecture_infos();
// nullptr for one that is not ours.
const ArchitectureInfo* find_architecture(std::string_view architecture);
bool is_of(ModelFamily family, std::string_view architecture);
// "bert, llama, ...": of this family.
std::string architectures_of(ModelFamily family);

}  // namespace frugal
