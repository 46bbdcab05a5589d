// frugal-worker-cpu, frugal-worker-mpi and frugal-worker-cuda: the workers that run what needs tensors.
#include <ATen/Version.h>
#include <dlfcn.h>

#include "core/error.h"
#include "core/log.h"
#include "experiments/parallel/join.h"
#include "experiments/registry.h"
#include "models/nn/cuda_support.h"
#include "models/nn/memory.h"

namespace {

// The library that matrix products come from; "" if there is none.
std::string blas_library() {
  Dl_info info{};
  void* symbol = dlsym(RTLD_DEFAULT, "sgemm_");
  return symbol != nullptr && dladdr(symbol, &info) != 0 ? info.dli_fname : "";
}

// Debian's BLAS takes LibTorch's place without a word when it is loaded first, and is 20 times slower.
void check_blas() {
  if (const std::string library = blas_library(); library.find("libtorch_cpu") == std::string::npos)
    frugal::log::warning("sgemm_ comes from ", library.empty() ? "nowhere" : library,
                         ", not from LibTorch: products will be slow");
}

std::map<std::string, std::string> provenance() {
  return {{"library.libtorch", TORCH_VERSION_TEXT},
          {"library.libtorch_config", at::show_config()},
          {"library.blas", blas_library()},
          {"library.cuda_worker", frugal::cuda::built() ? "yes" : "no"}};
}

// kProbeExperiment: one product on every kind of device this worker is for.
void probe(frugal::run::RunContext& run) {
  const auto product_is_right = [](const at::Device& device) {
    const at::Tensor a = at::ones({16, 16}, at::TensorOptions(at::kFloat).device(device));
    return (at::matmul(a, a) == 16).all().item<bool>();
  };
  bool right = product_is_right(at::kCPU);
  if (frugal::cuda::built()) {
    const int devices = at::hasCUDA() ? frugal::cuda::device_count() : 0;
    run.recorder.provenance("cuda.devices", std::to_string(devices));
    if (devices > 0) {
      at::globalContext().lazyInitDevice(at::kCUDA);
      run.recorder.provenance("cuda.device", frugal::cuda::device_line());
      right = right && product_is_right(at::kCUDA);
    }
  }
  if (!right) throw frugal::Error(frugal::ErrorKind::kEnvironment, "wrong_product", "LibTorch multiplies wrongly here");
}

// LibTorch's own errors as ours: a C++ backtrace of its insides tells a user nothing.
void execute(frugal::run::RunContext& run) {
  try {
    if (run.job.config.at("experiment").value("name", "") == frugal::run::kProbeExperiment) return probe(run);
    frugal::run_experiment(run);
  } catch (const c10::OutOfMemoryError& error) {
    throw frugal::Error(frugal::ErrorKind::kEnvironment, "out_of_memory", error.what_without_backtrace(), {},
                        "a smaller batch, or a device with more memory");
  } catch (const c10::Error& error) {
    throw frugal::Error(frugal::ErrorKind::kRunFailed, "libtorch", error.what_without_backtrace());
  }
}

}  // namespace

int main(int argc, char** argv) {
  frugal::memory::install_cpu_accounting();
  check_blas();
  return frugal::run::worker_main(argc, argv, execute, {.provenance = provenance, .join = frugal::join_ranks});
}
