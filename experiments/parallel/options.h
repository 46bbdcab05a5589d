// Keys of the `parallel` node. Links no LibTorch.
#pragma once

#include <cstdint>

#include "core/config/options.h"

namespace frugal {

struct ParallelOptions {
  int64_t ranks = 1;
  double timeout_minutes = 30;
};
const OptionTable<ParallelOptions>& parallel_options();

// Of a resolved config: Error(kUsage, "ranks_not_supported") for an experiment that runs in one process,
// "batch_not_divisible" for a batch that the ranks cannot share evenly.
void check_parallel(const Json& config, const Locator& where = {});

}  // namespace frugal
