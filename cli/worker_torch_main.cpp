// frugal-worker-cpu and frugal-worker-cuda: the workers that run what needs tensors.
#include <ATen/Version.h>
#include <dlfcn.h>

#include "core/error.h"
#include "core/log.h"
#include "experiments/registry.h"
#include "models/nn/cuda_support.h"
#include "models/nn/memory.h"

namespace {

// Debian's BLAS takes LibTorch's place without a word when it is loaded first, and is 20 times slower.
void check_blas() {
  Dl_info info{};
  void* symbol = dlsym(RTLD_DEFAULT, "sgemm_");
  if (symbol != nullptr && dladdr(symbol, &info) != 0 &&
      std::string(info.dli_fname).find("libtorch_cpu") == std::string::npos)
    frugal::log::warning("sgemm_ comes from ", info.dli_fname, ", not from LibTorch: products will be slow");
}

std::map<std::string, std::string> provenance() {
  return {{"library.libtorch", TORCH_VERSION_TEXT},
          {"library.libtorch_config", at::show_config()},
          {"library.cuda_worker", frugal::cuda::built() ? "yes" : "no"}};
}

// LibTorch's own errors as ours: a C++ backtrace of its insides tells a user nothing.
void execute(frugal::run::RunContext& run) {
  try {
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
  return frugal::run::worker_main(argc, argv, execute, {.provenance = provenance});
}
