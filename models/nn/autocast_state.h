// Mixed precision as it stands now, to be restored where the same computation runs again: a recomputation under
// another policy than its forward gives other numbers.
#pragma once

#include <ATen/autocast_mode.h>

namespace frugal {

class AutocastState {
 public:
  explicit AutocastState(at::DeviceType device)
      : device_(device),
        enabled_(at::autocast::is_autocast_enabled(device)),
        type_(at::autocast::get_autocast_dtype(device)),
        cache_(at::autocast::is_autocast_cache_enabled()) {}
  AutocastState(at::DeviceType device, bool enabled, at::ScalarType type)
      : device_(device), enabled_(enabled), type_(type), cache_(at::autocast::is_autocast_cache_enabled()) {}
  void restore() const {
    at::autocast::set_autocast_enabled(device_, enabled_);
    at::autocast::set_autocast_dtype(device_, type_);
    at::autocast::set_autocast_cache_enabled(cache_);
  }
  at::DeviceType device() const { return device_; }

 private:
  at::DeviceType device_;
  bool enabled_;
  at::ScalarType type_;
  // Part of the numbers: a leaf's conversion is shared where it is cached, and its gradients then add up in the
  // narrow type.
  bool cache_;
};

// Puts `wanted` in force until the end of the scope.
class AutocastScope {
 public:
  explicit AutocastScope(const AutocastState& wanted) : before_(wanted.device()) { wanted.restore(); }
  ~AutocastScope() { before_.restore(); }
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  AutocastState before_;
};

}  // namespace frugal
