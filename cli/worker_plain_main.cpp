// frugal-worker-plain: the worker without LibTorch. It runs `experiment=sleep`, which needs no tensors.
#include "cli/sleep_experiment.h"
#include "core/run/worker_loop.h"

int main(int argc, char** argv) {
  return frugal::run::worker_main(argc, argv, frugal::cli::sleep_experiment);
}
