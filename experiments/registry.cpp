#include "experiments/registry.h"

#include "core/error.h"
#include "experiments/distillation/experiment.h"
#include "experiments/forward/experiment.h"
#include "experiments/language_modelling/experiment.h"
#include "experiments/multiple_choice/experiment.h"
#include "experiments/preference/experiment.h"
#include "experiments/profile/experiment.h"
#include "experiments/text_classification/experiment.h"

namespace frugal {
namespace {

constexpr Experiment kExperiments[] = {
    {"text_classification", text_classification},
    {"forward", forward_experiment},
    {"multiple_choice", multiple_choice},
    {"language_modelling", language_modelling},
    {"distillation", distillation},
    {"preference", preference},
    {"profile", profile_experiment},
};

}  // namespace

std::span<const Experiment> experiments() {
  return kExperiments;
}

void run_experiment(run::RunContext& run) {
  const std::string name = run.job.config.at("experiment").value("name", "");
  for (const Experiment& experiment : kExperiments)
    if (experiment.name == name) return experiment.run(run);
  throw Error(ErrorKind::kUsage, "unknown_experiment", cat("this worker has no experiment '", name, "'"),
              "experiment.name");
}

}  // namespace frugal
