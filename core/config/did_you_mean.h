// A hint for a name that is not known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace frugal {

// "did you mean 'bits'?" for the known name nearest to a misspelt one (nearest_name, core/config/options.h), or
// `otherwise` where none is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& known, std::string otherwise = {});

}  // namespace frugal
