#include "experiments/forward/experiment.h"

#include <cstring>

#include "core/error.h"
#include "experiments/device.h"
#include "experiments/forward/capture.h"
#include "experiments/forward/family.h"
#include "experiments/forward/options.h"
#include "experiments/training/precision.h"

namespace frugal {
namespace {

results::HostTensor to_host(const NamedTensor& tensor) {
  const bool wide = tensor.value.scalar_type() == at::kDouble;
  const at::Tensor value = tensor.value.to(at::kCPU, wide ? at::kDouble : at::kFloat).contiguous();
  results::HostTensor out{.name = tensor.name,
                          .dtype = wide ? results::DType::kFloat64 : results::DType::kFloat32,
                          .shape = value.sizes().vec(),
                          .bytes = std::vector<std::byte>(value.nbytes())};
  if (!out.bytes.empty()) std::memcpy(out.bytes.data(), value.const_data_ptr(), out.bytes.size());
  return out;
}

}  // namespace

void forward_experiment(run::RunContext& run) {
  const Json config = Json::parse(run.job.config.dump());
  const ForwardOptions options = forward_options().read(config.value("experiment", Json()), "experiment");
  const at::Device device = open_device(config.value("device", Json()), run);
  const at::NoGradGuard no_grad;
  const Json model_node = config.value("model", Json()), method_node = config.value("method", Json());
  const auto model = open_forward_model({.model = model_node,
                                         .method = method_node,
                                         .device = device,
                                         .type = weight_type(options.dtype),
                                         .options = options,
                                         .run = run});
  const Captures captures(model->model(), model->layers(), options.capture);
  const ForwardInputs inputs(results::read_tensor_file(options.input), model->inputs());
  run.recorder.input("input", options.input);
  std::vector<NamedTensor> outputs = model->forward(inputs);
  for (auto& captured : captures.take()) outputs.push_back(std::move(captured));
  std::vector<results::HostTensor> tensors;
  for (const NamedTensor& output : outputs) tensors.push_back(to_host(output));
  results::write_tensor_file(options.output, tensors, run.job.config_yaml);
}

}  // namespace frugal
