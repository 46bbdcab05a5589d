// Keys of `experiment=sleep`.
#pragma once

#include "core/config/options.h"

namespace frugal::cli {

struct SleepOptions {
  double ms = 10;
  int64_t steps = 1;
  int64_t checkpoint_every = 0;
  int64_t keep_checkpoints = 2;
  int64_t array_elements = 0;
  double fail_probability = 0;
  std::string fault = "none";
  int64_t fault_at = 0;
};

inline const OptionTable<SleepOptions>& sleep_option_table() {
  using O = SleepOptions;
  static const auto table =
      OptionTable<O>("does nothing for a while")
          .add("ms", &O::ms, {.help = "how long in all", .unit = "ms", .min = 0})
          .add("steps", &O::steps, {.help = "one sample and one point of the series `loss` each", .min = 0})
          .add("checkpoint_every", &O::checkpoint_every, {.help = "steps between checkpoints; 0: none", .min = 0})
          .add("keep_checkpoints", &O::keep_checkpoints, {.help = "how many stay", .min = 1})
          .add("array_elements", &O::array_elements,
               {.help = "elements of the array `state`, recorded at the end", .min = 0})
          .add("fail_probability", &O::fail_probability,
               {.help = "of throwing, drawn from the seed", .min = 0, .max = 1})
          .add("fault", &O::fault,
               {.help = "what happens at step fault_at", .choices = {"none", "throw", "hang", "crash", "kill", "exit"}})
          .add("fault_at", &O::fault_at, {.help = "step of the fault", .min = 0});
  return table;
}

}  // namespace frugal::cli
