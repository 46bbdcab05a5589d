// The fused loss equals the loss of whole logits, value and gradients; what must be zero is.
#include "models/language/distillation_loss.h"

#include <gtest/gtest.h>

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>

#include <cmath>
#include <numbers>

#include "models/language/preference_loss.h"
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

constexpr int64_t kRows = 3, kTokens = 7, kVocabulary = 41;

struct Case {
  at::Tensor student, student_weight, teacher, teacher_weight, targets;
};

// A teacher that is wider than its student.
Case make_case(at::ScalarType type = at::kDouble) {
  at::manual_seed(4);
  Case c{.student = at::randn({kRows, kTokens, 8}, type),
         .student_weight = at::randn({kVocabulary, 8}, type),
         .teacher = at::randn({kRows, kTokens, 12}, type),
         .teacher_weight = at::randn({kVocabulary, 12}, type),
         .targets = at::randint(0, kVocabulary, {kRows, kTokens}, at::kLong)};
  c.targets.select(1, kTokens - 1).fill_(kIgnoredTarget);
  c.student.set_requires_grad(true);
  c.student_weight.set_requires_grad(true);
  return c;
}

DistillationLoss fused(const Case& c, const DistillationLossOptions& options) {
  return distillation_loss(c.student, {c.student_weight}, c.teacher, {c.teacher_weight}, c.targets, options);
}

// By whole logits, with LibTorch's own losses.
at::Tensor plain(const Case& c, const DistillationLossOptions& options) {
  const at::Tensor ours = at::matmul(c.student, c.student_weight.t());
  const at::Tensor theirs = at::matmul(c.teacher, c.teacher_weight.t());
  at::Tensor kl = at::kl_div(at::log_softmax(ours, -1), at::softmax(theirs, -1), at::Reduction::Sum) / kRows;
  if (options.reduction == KlReduction::kToken) kl = kl / kTokens;
  const at::Tensor ce =
      at::cross_entropy_loss(ours.flatten(0, 1), c.targets.flatten(), {}, at::Reduction::Mean, kIgnoredTarget);
  return options.kl_weight * kl + options.ce_weight * ce;
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(DistillationLoss, EqualsWholeLogitsInValueAndGradients) {
  const Case c = make_case();
  for (const KlReduction reduction : {KlReduction::kBatchMean, KlReduction::kToken})
    for (const double ce : {0.0, 0.7})
      for (const int64_t chunk : {1, 4, 21, 1000}) {
        const DistillationLossOptions options{
            .kl_weight = 0.3, .ce_weight = ce, .reduction = reduction, .chunk = chunk};
        const at::Tensor ours = fused(c, options).total, wanted = plain(c, options);
        EXPECT_LT(difference(ours, wanted), 1e-12) << chunk;
        const auto found = torch::autograd::grad({ours * 1.5}, {c.student, c.student_weight});
        const auto expected = torch::autograd::grad({wanted * 1.5}, {c.student, c.student_weight});
        EXPECT_LT(difference(found[0], expected[0]), 1e-12) << chunk;
        EXPECT_LT(difference(found[1], expected[1]), 1e-12) << chunk;
      }
}

TEST(DistillationLoss, BatchMeanIsTheTokenMeanTimesTheTokens) {
  const Case c = make_case();
  const DistillationLoss batch = fused(c, {}), token = fused(c, {.reduction = KlReduction::kToken});
  EXPECT_NEAR(batch.total.item<double>(), kTokens * token.total.item<double>(), 1e-12);
  EXPECT_NEAR(batch.kl.item<double>(), token.total.item<double>(), 1e-14) << "kl is a mean over tokens, always";
  EXPECT_FALSE(batch.cross_entropy.defined());
  EXPECT_FALSE(batch.kl.requires_grad());
  EXPECT_GT(batch.kl.item<double>(), 0);
}

TEST(DistillationLoss, AStudentThatIsItsTeacherHasNoLossAndNoGradient) {
  Case c = make_case();
  c.teacher = c.student.detach();
  c.teacher_weight = c.student_weight.detach();
  const DistillationLoss loss = fused(c, {.chunk = 5});
  EXPECT_EQ(loss.total.item<double>(), 0);
  for (const at::Tensor& gradient : torch::autograd::grad({loss.total}, {c.student, c.student_weight}))
    EXPECT_EQ(gradient.abs().max().item<double>(), 0);
}

TEST(DistillationLoss, OnlyWhatTrainsGetsAGradient) {
  Case c = make_case();
  c.student_weight = c.student_weight.detach();
  const auto found = torch::autograd::grad({fused(c, {}).total}, {c.student});
  EXPECT_LT(difference(found[0], torch::autograd::grad({plain(c, {})}, {c.student})[0]), 1e-12);
  c.teacher.set_requires_grad(true);
  EXPECT_TRUE(torch::autograd::grad({fused(c, {}).total}, {c.student, c.teacher}, {}, {}, false, true)[1].defined() ==
              false);
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(fused(c, {}).total.requires_grad());
}

TEST(DistillationLoss, MixedPrecisionIsNearFp32) {
  const Case c = make_case(at::kFloat);
  DistillationLoss narrow;
  {
    const AutocastScope scope(AutocastState(at::kCPU, true, at::kBFloat16));
    narrow = fused(c, {.ce_weight = 0.5, .chunk = 4});
  }
  const at::Tensor wide = plain(c, {.ce_weight = 0.5});
  EXPECT_EQ(narrow.total.scalar_type(), at::kFloat);
  EXPECT_LT(difference(narrow.total, wide), 0.02 * wide.item<double>());
  const auto found = torch::autograd::grad({narrow.total}, {c.student, c.student_weight});
  const auto wanted = torch::autograd::grad({wide}, {c.student, c.student_weight});
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(found[i].scalar_type(), at::kFloat);
    EXPECT_LT(difference(found[i], wanted[i]), 0.05 * wanted[i].abs().max().item<double>());
  }
}

TEST(DistillationLoss, LogitsAreNeverStoredWhole) {
  ASSERT_TRUE(kInstalled);
  const int64_t rows = 2048, vocabulary = 4096;
  const at::Tensor student = at::randn({1, rows, 16}).set_requires_grad(true), teacher = at::randn({1, rows, 16});
  const at::Tensor weight = at::randn({vocabulary, 16}).set_requires_grad(true);
  const memory::PeakMeter meter{at::Device(at::kCPU)};
  const DistillationLoss loss = distillation_loss(student, {weight}, teacher, {weight.detach() * 2}, {}, {.chunk = 64});
  torch::autograd::grad({loss.total}, {student, weight});
  EXPECT_LT(meter.activations(), rows * vocabulary * 4 / 4) << "whole logits would be " << rows * vocabulary * 4;
}

TEST(DistillationLoss, AComparisonIsOfTheTargetsThatCount) {
  Case c = make_case();
  c.targets[1].fill_(kIgnoredTarget);
  const TokenComparison found =
      compare_tokens(c.student, {c.student_weight}, c.teacher, {c.teacher_weight}, c.targets, 4);
  const at::NoGradGuard no_grad;
  const at::Tensor a = at::log_softmax(at::matmul(c.student, c.student_weight.t()), -1);
  const at::Tensor b = at::log_softmax(at::matmul(c.teacher, c.teacher_weight.t()), -1);
  const at::Tensor ignored = c.targets == kIgnoredTarget;
  const auto picked = [&](const at::Tensor& scores) {
    return scores.gather(-1, c.targets.clamp_min(0).unsqueeze(-1)).squeeze(-1).masked_fill(ignored, 0);
  };
  EXPECT_LT(difference(found.student, picked(a)), 1e-13);
  EXPECT_LT(difference(found.teacher, picked(b)), 1e-13);
  EXPECT_LT(difference(found.kl, (b.exp() * (b - a)).sum(-1).masked_fill(ignored, 0)), 1e-13);
  EXPECT_TRUE(found.agree.equal((a.argmax(-1) == b.argmax(-1)).logical_or(ignored)));
}

TEST(DistillationLoss, RefusesWhatDoesNotFit) {
  const Case c = make_case();
  Case other = c;
  other.teacher_weight = at::randn({kVocabulary + 1, 12}, at::kDouble);
  EXPECT_ERROR(fused(other, {}), ErrorKind::kUsage, "vocabulary_differs");
  other = c;
  other.teacher = c.teacher.narrow(1, 0, 3);
  EXPECT_ERROR(fused(other, {}), ErrorKind::kUsage, "bad_inputs");
  other = c;
  other.targets = c.targets.flatten();
  EXPECT_ERROR(fused(other, {.ce_weight = 1}), ErrorKind::kUsage, "bad_inputs");
}

TEST(PreferenceLoss, IsLn2WhereTheModelIsTheReferenceAndFallsAsItPrefers) {
  at::manual_seed(6);
  const at::Tensor chosen = at::randn({5}, at::kDouble).set_requires_grad(true), rejected = at::randn({5}, at::kDouble);
  const PreferenceLoss start = preference_loss({chosen, rejected, chosen.detach(), rejected}, 0.01);
  EXPECT_NEAR(start.loss.item<double>(), std::numbers::ln2, 1e-15);
  const at::Tensor slope = torch::autograd::grad({start.loss}, {chosen})[0];
  EXPECT_LT(difference(slope, at::full({5}, -0.01 / 2 / 5, at::kDouble)), 1e-15);
  const PreferenceLoss later = preference_loss({chosen + 3, rejected - 2, chosen.detach(), rejected}, 0.1);
  EXPECT_NEAR(later.loss.item<double>(), std::log1p(std::exp(-0.5)), 1e-12);
  EXPECT_NEAR(later.margins[0].item<double>(), 0.5, 1e-12);
}

}  // namespace
}  // namespace frugal
