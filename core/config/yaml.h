// Typed YAML loading over yaml-cpp's events, equal to OmegaConf.load (PyYAML, YAML 1.1) where yaml-cpp is not:
// duplicate keys and second documents are errors, `<<` merges, quoted scalars stay text, aliases may not recurse.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "core/config/node.h"

namespace frugal::config {

// Limits that no honest config reaches; they bound time and memory on hostile ones.
struct YamlLimits {
  std::size_t bytes = 8U << 20U;
  std::size_t depth = 200;
  std::size_t nodes = 60'000;  // after expansion of aliases
};

// The file's value: a dict, a list, or an empty dict for an empty file. `name` appears in marks and messages.
// Throws yaml_error, and grammar_error for a malformed ${interpolation}.
NodePtr load_yaml(const std::string& text, const std::string& name, const YamlLimits& limits = {});
NodePtr load_yaml_file(const std::filesystem::path& file, const YamlLimits& limits = {});
// Throws yaml_error where the file cannot be read or is larger than the limit.
std::string read_text_file(const std::filesystem::path& file, std::size_t limit);

}  // namespace frugal::config
