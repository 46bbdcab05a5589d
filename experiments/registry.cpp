#include "experiments/registry.h"

#include "core/error.h"
#include "experiments/forward/experiment.h"
#include "experiments/text_classification/experiment.h"

namespace frugal {

void run_experiment(run::RunContext& run) {
  const std::string name = run.job.config.at("experiment").value("name", "");
  if (name == "forward") return forward_experiment(run);
  if (name == "text_classification") return text_classification(run);
  throw Error(ErrorKind::kUsage, "unknown_experiment", cat("this worker has no experiment '", name, "'"),
              "experiment.name");
}

}  // namespace frugal
