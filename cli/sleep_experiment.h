// experiment=sleep: does nothing for a while, and records what a real experiment would. For trying out sweeps, clusters
// and the harness; it can be told to fail in every way that a real one does.
#pragma once

#include "core/run/worker_loop.h"

namespace frugal::cli {

// Keys of the config node `experiment`, each with its default.
struct SleepOptions {
  double ms = 10;                     // milliseconds in all
  std::int64_t steps = 1;             // one sample and one point of the series `loss` each
  std::int64_t checkpoint_every = 0;  // steps; 0: never
  std::int64_t array_elements = 0;    // float32 elements of the array `state`, recorded at the end
  double fail_probability = 0;        // of throwing, drawn from the stream "fail"
  std::string fault = "none";         // none, throw, hang, crash, kill, exit: what happens at step fault_at
  std::int64_t fault_at = 0;
};

// Throws Error(usage, "bad_value" | "unknown_key").
SleepOptions sleep_options(const nlohmann::json& config);
void sleep_experiment(run::RunContext& context);

}  // namespace frugal::cli
