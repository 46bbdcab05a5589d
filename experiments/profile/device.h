// How calls are timed and what tells the device's state, by where the tensors live.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "core/profile/monitor.h"
#include "core/profile/timer.h"

namespace frugal {

// CUDA: events on the current stream; CPU: the steady clock.
std::unique_ptr<profile::Timer> make_timer(const at::Device& device);
// CUDA: NVML's view of the current device; CPU: sysfs.
std::unique_ptr<profile::DeviceMonitor> make_monitor(const at::Device& device);

}  // namespace frugal
