// Every method there is: its name, what it works on, its keys; and, in the workers, how it is made.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/config/options.h"
#include "methods/method.h"

namespace frugal {

// The half that links no LibTorch.
struct MethodInfo {
  std::string_view name;      // `method.name`
  std::string_view families;  // what it works on
  std::string_view summary;
  const std::vector<OptionInfo>& (*options)();
  void (*check)(const Json& node, const Locator& where);  // throws on a bad key or value
};
std::span<const MethodInfo> method_infos();
// Error(kUsage, "unknown_method") with the nearest name.
const MethodInfo& method_info(const Json& node, const Locator& where = {});

// node: the resolved `method` part of the config. Only in programs that link LibTorch.
std::unique_ptr<Method> make_method(const Json& node);

}  // namespace frugal
