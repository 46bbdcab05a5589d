// What `--cfg` and `--info` print.
#pragma once

#include <optional>
#include <string>

#include "core/config/compose.h"

namespace frugal::config {

enum class CfgPart { kJob, kHydra, kAll };

struct CfgOptions {
  CfgPart part = CfgPart::kJob;
  std::optional<std::string> package{};  // only the part at this dotted key, under a `# @package` line
  Resolve resolve = Resolve::kNo;
};

// YAML text of `--cfg job|hydra|all`. Throws override_key_missing for a package that does not exist.
std::string cfg_text(const Composition& composition, const CfgOptions& options = {});
// The part as a tree, interpolations resolved against the whole config.
NodePtr cfg_node(const Composition& composition, const CfgOptions& options = {});

// Tables of `--info defaults|defaults-tree|searchpath`.
std::string defaults_text(const Composition& composition);
std::string defaults_tree_text(const Composition& composition);
std::string searchpath_text(const Composition& composition);

}  // namespace frugal::config
