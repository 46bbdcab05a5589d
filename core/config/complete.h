// Completion of overrides: groups, options, keys and values, as Hydra completes them.
#pragma once

#include <string>
#include <vector>

#include "core/config/compose.h"

namespace frugal::config {

// Candidates for the last word of `line` (the empty word after a blank), sorted; the words before it are overrides
// that hold already. `request` names the config; its own overrides are ignored.
std::vector<std::string> complete(const ComposeRequest& request, const std::string& line);

}  // namespace frugal::config
