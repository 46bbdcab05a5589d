#include "experiments/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include <cstdlib>

#include "core/error.h"
#include "experiments/text_classification/options.h"
#include "models/nn/cuda_support.h"

namespace frugal {
namespace {

// A strict LibTorch refuses products unless CUBLAS_WORKSPACE_CONFIG asks cuBLAS for workspaces that streams do not
// share. LibTorch gives cuBLAS one for each handle and stream (cublasSetWorkspace), the documented other way to the
// same repeatability; and while the variable is there cuBLAS remembers nothing that its heuristics found, 0.1 ms a
// product, which doubles the step of a small encoder (results/training_step_cuda.md). LibTorch looks at its first
// product, cuBLAS at each: so the variable is there for one. A variable that the user has set stays.
void satisfy_strict_blas(const at::Device& device) {
  constexpr const char* kVariable = "CUBLAS_WORKSPACE_CONFIG";
  if (std::getenv(kVariable) != nullptr) return;
  ::setenv(kVariable, ":4096:8", /*overwrite=*/1);
  const at::Tensor a = at::ones({16, 16}, device);
  at::mm(a, a);
  ::unsetenv(kVariable);
}

// cuBLAS takes its workspaces (32 MiB a thread) at the first product of the forward and of the backward thread. Taken
// here, they are no activations of the first step.
void take_workspaces(const at::Device& device) {
  const at::Tensor a = at::ones({16, 16}, device).requires_grad_(true), bias = at::ones({16}, device);
  at::linear(a, a, bias).sum().backward();
  cuda::synchronize();
}

// A rank takes the GPU of its number on this machine, or the only one that it was given.
int64_t gpu_index(const DeviceOptions& options, const run::RunContext& run) {
  const int gpus = cuda::device_count();
  if (run.ranks == nullptr || gpus == 1) return options.index;
  const auto place = run::place_in_environment();
  if (place && place->local_rank >= gpus)
    throw Error(ErrorKind::kEnvironment, "too_few_gpus",
                cat("rank ", place->rank, " is number ", place->local_rank, " of this machine, which has ", gpus,
                    " GPUs; each rank takes one"),
                "parallel.ranks", cat("at most ", gpus, " ranks a machine"));
  return place ? place->local_rank : options.index;
}

}  // namespace

at::Device open_device(const Json& node, run::RunContext& run) {
  const DeviceOptions options = device_options().read(node, "device");
  at::set_num_threads(static_cast<int>(options.threads));
  at::Context& context = at::globalContext();
  const bool strict = options.deterministic != "off";
  context.setDeterministicAlgorithms(strict, /*warn_only=*/options.deterministic == "warn");
  context.setDeterministicCuDNN(strict);
  context.setBenchmarkCuDNN(!strict);
  // Filling fresh memory makes reads of it repeat; it is a check for code that reads what it never wrote, at the price
  // of a kernel for each tensor.
  context.setDeterministicFillUninitializedMemory(false);
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
  const int64_t index = gpu_index(options, run);
  if (index >= cuda::device_count())
    throw Error(ErrorKind::kEnvironment, "no_cuda",
                cat("device.index is ", index, ", and there are ", cuda::device_count(), " GPUs"), "device.index",
                "device.index=0, or another CUDA_VISIBLE_DEVICES");
  context.lazyInitDevice(at::kCUDA);
  cuda::set_device(static_cast<int>(index));
  run.recorder.provenance("device", cuda::device_line());
  const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
  if (strict) satisfy_strict_blas(device);
  take_workspaces(device);
  return device;
}

}  // namespace frugal
