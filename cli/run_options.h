// The command line of `frugal run`, as Hydra's applications have it.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/config/compose.h"

namespace frugal::cli {

struct RunOptions {
  bool help = false, multirun = false, resolve = false, dry_run = false;
  std::optional<std::string> cfg, info, package;  // --cfg job|hydra|all, --info defaults|defaults-tree|searchpath
  std::vector<std::filesystem::path> config_dirs;
  std::string config_name = "config";
  std::vector<std::string> overrides;

  // With the embedded config tree and the components' options behind the user's folders.
  config::ComposeRequest request() const;
};

RunOptions parse_run_options(std::span<const std::string> args);

}  // namespace frugal::cli
