#include "core/config/did_you_mean.h"

#include "core/config/options.h"

namespace frugal {

std::string did_you_mean(std::string_view name, const std::vector<std::string>& known, std::string otherwise) {
  const std::string near = nearest_name(name, known);
  if (near.empty()) return otherwise;
  return "did you mean '" + near + "'?";
}

}  // namespace frugal
