// Changes to a config tree in OmegaConf's semantics: dicts merge, lists and values replace, `???` never overrides.
#pragma once

#include "core/config/node.h"

namespace frugal::config {

// Merges src into dest (both dicts). With strict, keys that dest lacks are refused (key_not_in_struct).
// Throws merge_conflict (a dict meets a list), invalid_type (a slot of the hydra node refuses the value).
void merge(Node& dest, const Node& src, bool strict);

// Sets the value at a dotted key, making dicts on the way. Containers merge into containers when `merge_containers`.
// With strict, keys that do not exist are refused; with force they are added even to closed nodes.
struct UpdateOptions {
  bool strict = false;
  bool force = false;
  bool merge_containers = true;
};
void update(Node& root, const std::string& key, const NodePtr& value, const UpdateOptions& options);

}  // namespace frugal::config
