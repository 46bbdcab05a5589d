// Where data sets lie.
#pragma once

#include <string>

#include "core/config/options.h"

namespace frugal {

// data.root of the whole config; "" where it is null.
inline std::string data_root(const Json& config) {
  const Json* value = options_detail::find(config, "data.root");
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

}  // namespace frugal
