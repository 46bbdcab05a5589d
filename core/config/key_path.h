// Dotted keys: "a.b[c].d", leading dots for relative ones.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace frugal::config {

// "a[b].c" -> a, b, c; ".a" -> "", a. Empty segments are kept, as OmegaConf keeps them.
std::vector<std::string> split_key(std::string_view key);

}  // namespace frugal::config
