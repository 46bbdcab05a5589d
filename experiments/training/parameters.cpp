#include "experiments/training/parameters.h"

namespace frugal {

void record_parameters(const Model& model, run::RunContext& run) {
  int64_t trainable = 0;
  for (const auto& parameter : model.parameters().trainable()) trainable += parameter.value.numel();
  const auto total = static_cast<double>(model.parameters().count());
  run.recorder.metric({.name = "parameters", .value = total});
  run.recorder.metric({.name = "trainable_parameters",
                       .value = static_cast<double>(trainable),
                       .direction = results::Direction::kLowerIsBetter});
  run.recorder.metric({.name = "trainable_share",
                       .value = 100.0 * static_cast<double>(trainable) / total,
                       .unit = "%",
                       .direction = results::Direction::kLowerIsBetter});
}

}  // namespace frugal
