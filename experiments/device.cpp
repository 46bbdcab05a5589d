#include "experiments/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "core/error.h"
#include "experiments/text_classification/options.h"
#include "models/nn/cuda_support.h"

namespace frugal {

at::Device open_device(const Json& node, run::RunContext& run) {
  const DeviceOptions options = device_options().read(node, "device");
  at::set_num_threads(static_cast<int>(options.threads));
  at::Context& context = at::globalContext();
  const bool strict = options.deterministic != "off";
  context.setDeterministicAlgorithms(strict, /*warn_only=*/options.deterministic == "warn");
  context.setDeterministicCuDNN(strict);
  context.setBenchmarkCuDNN(!strict);
  context.setAllowTF32CuBLAS(options.tf32);
  run.recorder.provenance("device.threads", std::to_string(options.threads));
  run.recorder.provenance("device.deterministic", options.deterministic);
  if (options.type == "cpu") {
    run.recorder.provenance("device", "cpu");
    return at::kCPU;
  }
  if (!cuda::built() || !at::hasCUDA() || cuda::device_count() == 0)
    throw Error(ErrorKind::kEnvironment, "no_cuda", "device.type is cuda, and there is no usable GPU here",
                "device.type", "device=cpu, or run where nvidia-smi shows a GPU");
  if (options.index >= cuda::device_count())
    throw Error(ErrorKind::kEnvironment, "no_cuda",
                cat("device.index is ", options.index, ", and there are ", cuda::device_count(), " GPUs"),
                "device.index", "device.index=0, or another CUDA_VISIBLE_DEVICES");
  context.lazyInitDevice(at::kCUDA);
  cuda::set_device(static_cast<int>(options.index));
  run.recorder.provenance("device", cuda::device_line());
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(options.index));
}

}  // namespace frugal
