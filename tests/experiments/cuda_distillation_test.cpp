// Distillation on a real GPU. Built wherever nvcc is; skips itself without a device.
#include <ATen/Context.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include "models/language/distillation_loss.h"
#include "models/nn/autocast_state.h"
#include "models/nn/cuda_support.h"
#include "tests/experiments/cuda_inputs.h"
#include "tests/experiments/run_here.h"

namespace frugal {
namespace {

using nlohmann::json;
using test::has_gpu;

struct Gradients {
  at::Tensor loss, hidden, weight;  // fp64, host
};

Gradients gradients(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& teacher,
                    const at::Tensor& teacher_weight, const at::Tensor& targets, bool narrow) {
  const at::Tensor h = hidden.detach().requires_grad_(true), w = weight.detach().requires_grad_(true);
  const at::DeviceType device = h.device().type();
  DistillationLoss loss;
  {
    const AutocastScope scope(AutocastState(device, narrow, at::kBFloat16));
    loss = distillation_loss(h, {w}, teacher, {teacher_weight}, targets, {.ce_weight = 0.5, .chunk = 100});
  }
  const auto found = torch::autograd::grad({loss.total}, {h, w});
  const auto host = [](const at::Tensor& t) { return t.detach().to(at::kCPU, at::kDouble); };
  return {.loss = host(loss.total), .hidden = host(found[0]), .weight = host(found[1])};
}

void expect_near(const at::Tensor& found, const at::Tensor& wanted, double relative) {
  EXPECT_LT((found - wanted).abs().max().item<double>(), relative * wanted.abs().max().item<double>());
}

// fp32 equals fp64 on the CPU; bf16 is as near as bf16 is.
TEST(CudaDistillation, TheLossIsTheCpus) {
  if (!has_gpu()) GTEST_SKIP() << "no usable GPU on this machine";
  at::manual_seed(8);
  const at::Tensor hidden = at::randn({3, 70, 64}), weight = at::randn({1000, 64}) * 0.2;
  const at::Tensor teacher = at::randn({3, 70, 48}), teacher_weight = at::randn({1000, 48}) * 0.2;
  at::Tensor targets = at::randint(0, 1000, {3, 70}, at::kLong);
  targets.select(1, 69).fill_(kIgnoredTarget);
  const auto on = [&](at::Device device, at::ScalarType type, bool narrow) {
    return gradients(hidden.to(device, type), weight.to(device, type), teacher.to(device, type),
                     teacher_weight.to(device, type), targets.to(device), narrow);
  };
  const Gradients wanted = on(at::kCPU, at::kDouble, false);
  for (const bool narrow : {false, true}) {
    const Gradients found = on(at::kCUDA, at::kFloat, narrow);
    expect_near(found.loss, wanted.loss, narrow ? 1e-2 : 1e-5);
    expect_near(found.hidden, wanted.hidden, narrow ? 3e-2 : 1e-4);
    expect_near(found.weight, wanted.weight, narrow ? 3e-2 : 1e-4);
  }
}

TEST(CudaDistillation, AStrictRunLearnsAndRepeatsBitForBit) {
  const test::TempFolder folder;
  test::write_inputs(folder.path());
  for (const char* type : {"cpu", "cuda"}) {
    if (std::string(type) == "cuda" && !has_gpu()) GTEST_SKIP() << "no usable GPU on this machine";
    const json config = test::distillation_config(folder.path(), type);
    const auto first = test::run_here(config), second = test::run_here(config);
    ASSERT_EQ(first.result.state, results::RunState::kDone) << type << ": " << first.result.message;
    EXPECT_EQ(results::content_hash(first.data), results::content_hash(second.data)) << type;
    double start = 0, end = 0;
    for (const auto& metric : first.data.metrics) {
      if (metric.name == "start_kl") start = metric.value;
      if (metric.name == "kl") end = metric.value;
    }
    EXPECT_LT(end, 0.8 * start) << type;
  }
}

}  // namespace
}  // namespace frugal
