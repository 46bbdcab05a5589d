// The device node of the config, put in force.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/config/options.h"
#include "core/run/worker_loop.h"

namespace frugal {

// Sets threads, determinism and TF32 as `device` says, records what was set, and gives the device.
// Error(kEnvironment, "no_cuda") when a GPU is asked for and this worker or machine has none: never falls back.
at::Device open_device(const Json& node, run::RunContext& run);

}  // namespace frugal
