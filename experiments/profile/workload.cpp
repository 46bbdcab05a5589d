#include "experiments/profile/workload.h"

#include "core/error.h"

namespace frugal {

Mode mode_named(const std::string& name) {
  if (name == "forward") return Mode::kForward;
  if (name == "train_step") return Mode::kTrainStep;
  throw Error(ErrorKind::kUsage, "bad_value", cat("there is no mode '", name, "'"), "experiment.modes",
              "forward, train_step");
}

std::unique_ptr<Workload> make_workload(const std::string& family, const WorkloadRequest& request) {
  if (family == "text_encoder") return make_text_encoder_workload(request);
  throw Error(ErrorKind::kUsage, "bad_value", cat("models of the family '", family, "' cannot be profiled yet"),
              "experiment.family", "text_encoder");
}

}  // namespace frugal
