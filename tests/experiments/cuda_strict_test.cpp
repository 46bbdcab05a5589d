// Strict determinism on a real GPU. Built wherever nvcc is; skips itself without a device.
#include <ATen/Context.h>

#include <cstdlib>

#include "models/nn/cuda_support.h"
#include "tests/experiments/run_here.h"

namespace frugal {
namespace {

using nlohmann::json;

TEST(CudaStrict, TrainingRepeatsBitForBitAndCublasKeepsItsHeuristics) {
  if (!at::hasCUDA() || cuda::device_count() == 0) GTEST_SKIP() << "no usable GPU on this machine";
  ::unsetenv("CUBLAS_WORKSPACE_CONFIG");
  const json config = {{"seed", 3},
                       {"device", {{"type", "cuda"}, {"deterministic", "strict"}, {"threads", 1}}},
                       {"dataset",
                        {{"name", "token_order"},
                         {"task", "token_order"},
                         {"min_length", 5},
                         {"max_length", 16},
                         {"train_count", 256},
                         {"dev_count", 64}}},
                       {"model", test::tiny_model()},
                       {"method", {{"name", "peft"}, {"kind", "full"}}},
                       {"experiment", {{"name", "text_classification"}, {"max_steps", 40}, {"batch_size", 32}}}};
  const auto first = test::run_here(config), second = test::run_here(config);
  ASSERT_EQ(first.result.state, results::RunState::kDone) << first.result.message;
  EXPECT_EQ(results::content_hash(first.data), results::content_hash(second.data));
  EXPECT_EQ(std::getenv("CUBLAS_WORKSPACE_CONFIG"), nullptr);  // cuBLAS asks at every product
}

}  // namespace
}  // namespace frugal
