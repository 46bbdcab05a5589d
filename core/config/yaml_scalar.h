// Types of plain YAML scalars: YAML 1.1 as PyYAML resolves it, with OmegaConf's floats and without timestamps.
#pragma once

#include <string_view>

namespace frugal::config::yaml {

enum class ScalarTag { kNull, kBool, kInt, kFloat, kString, kMerge, kValue };

ScalarTag resolve_plain(std::string_view text);

}  // namespace frugal::config::yaml
