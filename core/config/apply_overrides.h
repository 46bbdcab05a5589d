#pragma once

#include <vector>

#include "core/config/node.h"
#include "core/config/override.h"

namespace frugal::config {

// Applies overrides of values to a composed config, which takes new keys only with + and ++.
// Throws override_key_missing, add_key_exists, delete_*, override_group_missing, override_merge_error.
void apply_overrides(Node& config, const std::vector<const Override*>& overrides);

}  // namespace frugal::config
