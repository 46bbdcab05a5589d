#include "experiments/profile/workload.h"

#include <ATen/ops/empty.h>

#include "core/error.h"
#include "core/philox.h"

namespace frugal {

Mode mode_named(const std::string& name) {
  if (name == "forward") return Mode::kForward;
  if (name == "train_step") return Mode::kTrainStep;
  if (name == "prefill") return Mode::kPrefill;
  if (name == "decode") return Mode::kDecode;
  throw Error(ErrorKind::kUsage, "bad_value", cat("there is no mode '", name, "'"), "experiment.modes",
              "forward, train_step, prefill, decode");
}

at::Tensor draw(at::IntArrayRef shape, int64_t bound, uint64_t seed) {
  at::Tensor values = at::empty(shape, at::kLong);
  Philox random(seed);
  auto* data = values.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < values.numel(); ++i) data[i] = random.below(static_cast<uint32_t>(bound));
  return values;
}

std::unique_ptr<Workload> make_workload(const std::string& family, const WorkloadRequest& request) {
  if (family == "text_encoder") return make_text_encoder_workload(request);
  if (family == "language_model") return make_language_model_workload(request);
  throw Error(ErrorKind::kUsage, "bad_value", cat("models of the family '", family, "' cannot be profiled yet"),
              "experiment.family", "text_encoder, language_model");
}

}  // namespace frugal
