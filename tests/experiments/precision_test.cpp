// Mixed precision and loss scaling, on the CPU.
#include "experiments/training/precision.h"

#include <gtest/gtest.h>

#include <limits>

#include "methods/common/peft.h"
#include "methods/meft/reversible_encoder.h"
#include "tests/models/tiny_bert.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

using testing::relative_error;
using testing::tiny_bert;
using testing::tiny_inputs;

// Forward inside the precision's scope; backward outside of it, where only what was kept tells the policy.
std::vector<at::Tensor> gradients(TextEncoder& model, Precision precision) {
  std::vector<at::Tensor> parameters;
  for (const auto& p : model.parameters().trainable()) parameters.push_back(p.value);
  at::Tensor loss;
  {
    const PrecisionScope scope(precision, at::kCPU);
    const at::Tensor out = model.forward(tiny_inputs(), Pass::train(5, 3, 0)).logits.to(at::kFloat);
    loss = (out * out).sum();
  }
  return torch::autograd::grad({loss}, parameters);
}

std::vector<at::Tensor> of_full(bool checkpointing, Precision precision) {
  PeftOptions options;
  options.checkpointing = checkpointing;
  return gradients(*PeftMethod(options).apply(tiny_bert({}, at::kFloat), {.init_seed = 1}), precision);
}

std::vector<at::Tensor> of_meft(const char* plan, const char* exactness, Precision precision) {
  meft::MeftOptions options;
  options.plan = plan;
  options.exactness = exactness;
  options.anchor_every = 1;
  meft::ReversibleEncoder model(tiny_bert({}, at::kFloat), options, 1);
  return gradients(model, precision);
}

double worst(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  double error = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) error = std::max(error, relative_error(a[i], b[i]));
  return error;
}

TEST(Precision, AutocastComputesInBf16AndLeavesTheOutsideAsItWas) {
  const at::Tensor x = at::randn({8, 8});
  {
    const PrecisionScope scope(Precision::kBf16, at::kCPU);
    EXPECT_EQ(at::linear(x, x).scalar_type(), at::kBFloat16);
    {
      const PrecisionScope inner(Precision::kFp32, at::kCPU);
      EXPECT_EQ(at::linear(x, x).scalar_type(), at::kFloat);
    }
    EXPECT_EQ(at::linear(x, x).scalar_type(), at::kBFloat16);
  }
  EXPECT_EQ(at::linear(x, x).scalar_type(), at::kFloat);
}

TEST(Precision, TheScopePutsBackWhatItFound) {
  for (const bool tf32 : {true, false}) {
    at::globalContext().setAllowTF32CuBLAS(tf32);
    {
      const PrecisionScope scope(Precision::kFp32, at::kCPU);
      EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
      EXPECT_FALSE(at::autocast::is_autocast_cache_enabled());
    }
    EXPECT_EQ(at::globalContext().allowTF32CuBLAS(), tf32);
    EXPECT_TRUE(at::autocast::is_autocast_cache_enabled());
  }
}

// The official code recomputes in fp32 what it computed in half precision (spec 2.6): ours must not.
TEST(Precision, RecomputationRunsUnderTheForwardsPolicy) {
  const auto plain = of_full(false, Precision::kBf16), recomputed = of_full(true, Precision::kBf16);
  ASSERT_EQ(plain.size(), recomputed.size());
  for (size_t i = 0; i < plain.size(); ++i)
    EXPECT_TRUE(plain[i].equal(recomputed[i])) << i << " " << relative_error(recomputed[i], plain[i]);
  EXPECT_GT(worst(plain, of_full(false, Precision::kFp32)), 1e-3) << "bf16 must show";
}

TEST(Precision, ReversibleBackwardRunsUnderTheForwardsPolicy) {
  const auto vanilla = of_meft("vanilla:4", "none", Precision::kBf16);
  const double right = worst(of_meft("rev:4", "anchors", Precision::kBf16), vanilla);
  const double other_policy = worst(of_meft("vanilla:4", "none", Precision::kFp32), vanilla);
  EXPECT_LT(right, other_policy / 5);
  EXPECT_GT(other_policy, 1e-3);
}

TEST(Precision, NamesAndDevicesAreChecked) {
  EXPECT_EQ(precision_named("tf32"), Precision::kTf32);
  EXPECT_ERROR(precision_named("fp8"), ErrorKind::kUsage, "bad_value");
  EXPECT_NO_THROW(check_precision(Precision::kBf16, at::kCPU));
  EXPECT_ERROR(check_precision(Precision::kFp16, at::kCPU), ErrorKind::kUsage, "precision_device");
  EXPECT_ERROR(check_precision(Precision::kTf32, at::kCPU), ErrorKind::kUsage, "precision_device");
}

std::vector<NamedTensor> parameter_with_gradient(double value) {
  const at::Tensor p = at::zeros({3}).set_requires_grad(true);
  p.mutable_grad() = at::full({3}, value);
  return {{"p", p}};
}

// torch.amp.GradScaler's rule: start 2^16, half at an overflow, double after 2000 good steps.
TEST(LossScaler, FollowsPyTorchsRule) {
  LossScaler scaler(Precision::kFp16, at::kCPU);
  EXPECT_EQ(scaler.value(), 65536);
  EXPECT_EQ(scaler.scale(at::full({}, 2.0)).item<double>(), 131072);

  auto good = parameter_with_gradient(65536);
  EXPECT_TRUE(scaler.unscale(good));
  EXPECT_TRUE(good[0].value.grad().equal(at::ones({3})));
  scaler.update();
  EXPECT_EQ(scaler.value(), 65536);

  for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    const double before = scaler.value();
    EXPECT_FALSE(scaler.unscale(parameter_with_gradient(bad)));
    scaler.update();
    EXPECT_EQ(scaler.value(), before / 2);
  }
  const auto steps = [&](LossScaler& s, int count) {
    for (int i = 0; i < count; ++i) {
      EXPECT_TRUE(s.unscale(parameter_with_gradient(1)));
      s.update();
    }
  };
  steps(scaler, 1999);
  EXPECT_EQ(scaler.value(), 16384);
  LossScaler resumed(Precision::kFp16, at::kCPU);
  resumed.restore(scaler.state());
  for (LossScaler* s : {&scaler, &resumed}) {
    steps(*s, 1);
    EXPECT_EQ(s->value(), 32768) << "an overflow starts the count anew, a checkpoint does not";
  }
}

TEST(LossScaler, IsOffForOtherPrecisions) {
  LossScaler scaler(Precision::kBf16, at::kCPU);
  auto p = parameter_with_gradient(std::numeric_limits<double>::infinity());
  EXPECT_EQ(scaler.scale(at::full({}, 2.0)).item<double>(), 2);
  EXPECT_TRUE(scaler.unscale(p));
  scaler.update();
  EXPECT_EQ(scaler.value(), 1);
  EXPECT_TRUE(scaler.state().empty());
}

}  // namespace
}  // namespace frugal
