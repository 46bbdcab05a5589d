// Keys of `experiment=forward`, which `frugal forward` runs. Links no LibTorch.
#pragma once

#include <string>
#include <vector>

#include "core/config/options.h"

namespace frugal {

struct ForwardOptions {
  std::string input, output;
  std::vector<std::string> capture;
  std::string dtype = "fp32";
  std::vector<int64_t> cache_chunks;
};
const OptionTable<ForwardOptions>& forward_options();

}  // namespace frugal
