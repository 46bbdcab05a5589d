// Log-probabilities computed in chunks equal those of whole logits, and so do their gradients.
#include "models/language/likelihood.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "models/nn/autocast_state.h"
#include "models/nn/memory.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

// The allocator must be in place before the first tensor.
const bool kInstalled = [] {
  memory::install_cpu_accounting();
  return true;
}();

struct Case {
  at::Tensor hidden, weight, targets;
};

Case make_case(at::ScalarType type = at::kDouble) {
  at::manual_seed(3);
  Case c{.hidden = at::randn({3, 7, 8}, type),
         .weight = at::randn({41, 8}, type),
         .targets = at::randint(0, 41, {3, 7}, at::kLong)};
  c.targets[0].narrow(0, 0, 3).fill_(kIgnoredTarget);
  c.targets[2].fill_(kIgnoredTarget);
  c.hidden.set_requires_grad(true);
  c.weight.set_requires_grad(true);
  return c;
}

// By whole logits.
at::Tensor plain(const Case& c) {
  const at::Tensor scores = at::log_softmax(at::matmul(c.hidden, c.weight.t()), -1);
  const at::Tensor picked = scores.gather(-1, c.targets.clamp_min(0).unsqueeze(-1)).squeeze(-1);
  return picked.masked_fill(c.targets == kIgnoredTarget, 0);
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(Likelihood, EqualsWholeLogitsWithAnyChunk) {
  const Case c = make_case();
  for (const int64_t chunk : {1, 2, 5, 11, 1000})
    EXPECT_LT(difference(token_log_probabilities(c.hidden, c.targets, {c.weight}, chunk), plain(c)), 1e-13) << chunk;
}

TEST(Likelihood, GradientsEqualThoseOfWholeLogits) {
  const Case c = make_case();
  const at::Tensor upstream = at::randn({3, 7}, at::kDouble);
  const auto wanted = torch::autograd::grad({plain(c)}, {c.hidden, c.weight}, {upstream});
  for (const int64_t chunk : {1, 4, 1000}) {
    const at::Tensor ours = token_log_probabilities(c.hidden, c.targets, {c.weight}, chunk);
    const auto found = torch::autograd::grad({ours}, {c.hidden, c.weight}, {upstream});
    EXPECT_LT(difference(found[0], wanted[0]), 1e-12) << chunk;
    EXPECT_LT(difference(found[1], wanted[1]), 1e-12) << chunk;
  }
}

TEST(Likelihood, CrossEntropyEqualsLibTorchs) {
  const Case c = make_case();
  const at::Tensor whole = at::cross_entropy_loss(at::matmul(c.hidden, c.weight.t()).flatten(0, 1), c.targets.flatten(),
                                                  {}, at::Reduction::Mean, kIgnoredTarget);
  const at::Tensor ours = cross_entropy(c.hidden, c.targets, {c.weight}, 3);
  EXPECT_LT(difference(ours, whole), 1e-13);
  const auto wanted = torch::autograd::grad({whole}, {c.hidden, c.weight});
  const auto found = torch::autograd::grad({ours}, {c.hidden, c.weight});
  EXPECT_LT(difference(found[0], wanted[0]), 1e-13);
  EXPECT_LT(difference(found[1], wanted[1]), 1e-13);
  const at::Tensor none = cross_entropy(c.hidden, at::full_like(c.targets, kIgnoredTarget), {c.weight});
  EXPECT_EQ(none.item<double>(), 0) << "nothing counts";
}

// A frozen output layer: only the states get a gradient.
TEST(Likelihood, OnlyWhatNeedsAGradientGetsOne) {
  Case c = make_case();
  c.weight = c.weight.detach();
  const at::Tensor ours = token_log_probabilities(c.hidden, c.targets, {c.weight}).sum();
  const auto wanted = torch::autograd::grad({plain(c).sum()}, {c.hidden});
  EXPECT_LT(difference(torch::autograd::grad({ours}, {c.hidden})[0], wanted[0]), 1e-12);
}

TEST(Likelihood, HalfTypesAreSummedInFp32) {
  const Case c = make_case(at::kBFloat16);
  const at::Tensor ours = token_log_probabilities(c.hidden, c.targets, {c.weight});
  EXPECT_EQ(ours.scalar_type(), at::kFloat);
  const at::Tensor logits = at::matmul(c.hidden, c.weight.t());
  const at::Tensor wanted = at::log_softmax(logits.to(at::kDouble), -1)
                                .gather(-1, c.targets.clamp_min(0).unsqueeze(-1))
                                .squeeze(-1)
                                .masked_fill(c.targets == kIgnoredTarget, 0);
  EXPECT_LT(difference(ours, wanted), 1e-5) << "the logits' own rounding is all there is";
}

TEST(Likelihood, BackwardRepeatsTheForwardsAutocast) {
  const Case c = make_case(at::kFloat);
  at::Tensor ours, whole;
  {
    const AutocastScope scope(AutocastState(at::kCPU, true, at::kBFloat16));
    ours = token_log_probabilities(c.hidden, c.targets, {c.weight}, 4).sum();
    whole = plain(c).sum();
  }
  EXPECT_EQ(ours.scalar_type(), at::kFloat);
  const auto found = torch::autograd::grad({ours}, {c.hidden, c.weight});
  const auto wanted = torch::autograd::grad({whole}, {c.hidden, c.weight});
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_LT(difference(found[i], wanted[i]), 0.05 * wanted[i].abs().max().item<double>());
    EXPECT_EQ(found[i].scalar_type(), at::kFloat);
  }
}

TEST(Likelihood, ScoresSayWhetherTheTargetIsTheLikeliest) {
  const Case c = make_case();
  const TokenScores scores = score_tokens(c.hidden, c.targets, {c.weight}, 2);
  EXPECT_LT(difference(scores.log_probabilities, plain(c).detach()), 1e-13);
  EXPECT_FALSE(scores.log_probabilities.requires_grad());
  const at::Tensor best = at::matmul(c.hidden, c.weight.t()).argmax(-1);
  EXPECT_TRUE(scores.greedy.equal((best == c.targets).logical_or(c.targets == kIgnoredTarget)));
  EXPECT_TRUE(score_tokens(c.hidden, best, {c.weight}).greedy.all().item<bool>());
  const at::Tensor tied = at::zeros({41, 8}, at::kDouble);
  EXPECT_TRUE(score_tokens(c.hidden, at::zeros({3, 7}, at::kLong), {tied}).greedy.all().item<bool>())
      << "of equals the first";
}

TEST(Likelihood, LogitsAreNeverStoredWhole) {
  ASSERT_TRUE(kInstalled);
  const int64_t rows = 2048, vocabulary = 4096;
  const at::Tensor hidden = at::randn({rows, 16}).set_requires_grad(true);
  const at::Tensor weight = at::randn({vocabulary, 16}).set_requires_grad(true);
  const at::Tensor targets = at::randint(0, vocabulary, {rows}, at::kLong);
  const memory::PeakMeter meter{at::Device(at::kCPU)};
  torch::autograd::grad({token_log_probabilities(hidden, targets, {weight}, 64).sum()}, {hidden, weight});
  EXPECT_LT(meter.activations(), rows * vocabulary * 4 / 4) << "whole logits would be " << rows * vocabulary * 4;
}

TEST(Likelihood, RefusesWhatDoesNotFit) {
  const Case c = make_case();
  EXPECT_ERROR(token_log_probabilities(c.hidden, c.targets.flatten(), {c.weight}), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(cross_entropy(c.hidden, c.targets, {}), ErrorKind::kUsage, "bad_inputs");
}

}  // namespace
}  // namespace frugal
