// The options that `frugal config` and `frugal completion` share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/compose.h"

namespace frugal::cli {

struct ConfigOptions {
  bool help = false;
  bool json = false;
  bool resolve = false;
  bool keep_hydra = false;
  std::optional<std::string> package, file, query;
  std::optional<std::int64_t> max_batch_size;
  std::vector<std::filesystem::path> config_dirs;
  std::string config_name = "config";
  std::vector<std::string> arguments;  // positional, and everything after `--`

  // Throw a usage error when it is not there.
  const std::string& one_argument(std::string_view what) const;
  const std::string& require_file() const;
  config::ComposeRequest request() const;
};

ConfigOptions parse_config_options(std::span<const std::string> args);

}  // namespace frugal::cli
