#include "models/nn/hooks.h"

#include "core/error.h"

namespace frugal {

std::span<const std::string_view> hook_point_names() {
  static constexpr std::string_view kNames[] = {"embedding",    "query", "key",   "value",          "attention",
                                                "intermediate", "mlp",   "block", "time_embedding", "output"};
  static_assert(std::size(kNames) == static_cast<size_t>(HookPoint::kCount));
  return kNames;
}

std::string_view name(HookPoint point) {
  return hook_point_names()[static_cast<size_t>(point)];
}

void Hooks::attach(HookPoint point, int64_t layer, Hook hook) {
  hooks_.push_back({point, layer, std::move(hook)});
}

at::Tensor Hooks::run(HookPoint point, int64_t layer, const at::Tensor& input, at::Tensor output,
                      const Pass& pass) const {
  for (const Entry& entry : hooks_)
    if (entry.point == point && entry.layer == layer) output = entry.hook(input, output, pass);
  return output;
}

}  // namespace frugal
