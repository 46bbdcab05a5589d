// The activations that models know, by config.json's names. Links no LibTorch.
#pragma once

#include <string>
#include <vector>

namespace frugal {

inline const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> names = {"gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu"};
  return names;
}

}  // namespace frugal
