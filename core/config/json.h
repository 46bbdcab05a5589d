// JSON text as Python's json module writes it: NaN and Infinity literals, keys as text.
#pragma once

#include <string>
#include <string_view>

namespace frugal::config {

std::string json_string(std::string_view text);

}  // namespace frugal::config
