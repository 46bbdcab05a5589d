// TransMLA: what a converted model must equal exactly, and what is lost.
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/matmul.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "methods/x_ecomla/activations.h"
#include "tests/methods/baselines_support.h"

namespace frugal::x_ecomla {
namespace {

using namespace frugal::x_ecomla::testing;

TEST(TransMla, OfOneKeyHeadAtFullRankNothingIsLost) {
  const auto model = base_model(1, {{"rope_theta", 100.0}});
  const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 12)};
  const at::Tensor before = states(*model, inputs);
  convert_by(model, merged(16, 16));
  EXPECT_LT(largest_difference(states(*model, inputs), before), 1e-10);
}

// Then the first component holds all of the keys.
TEST(TransMla, OfHeadsThatDifferByAFactorAPairNothingIsLost) {
  const auto model = base_model(2, {{"rope_theta", 100.0}});
  const at::Tensor factors = at::randn({8}, at::kDouble).repeat({2}).unsqueeze(1);
  for (const NamedTensor& p : model->parameters().all())
    if (p.name.ends_with("k_proj.weight")) p.value.narrow(0, 16, 16).copy_(p.value.narrow(0, 0, 16) * factors);
  const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 12)};
  const at::Tensor before = states(*model, inputs);
  convert_by(model, merged(16, 48));
  EXPECT_LT(largest_difference(states(*model, inputs), before), 1e-9);
}

TEST(TransMla, AtFullRankOnlyPositionsAreLost) {
  for (const int64_t rope : {16, 8, 4})
    for (int64_t fold = 16 / rope; fold <= 8; fold *= 2) {
      const auto model = base_model();
      const at::Tensor before = states(*model, at_place_0()), turned = states(*model, {.input_ids = tiny_ids(2, 9)});
      TransMlaOptions o = merged(rope, 64 - rope, fold);
      if (rope == 8) o.q_lora_rank = 64;
      if (rope == 4) o.balance_kv_ratio = 0.3;
      convert_by(model, o);
      EXPECT_LT(largest_difference(states(*model, at_place_0()), before), 1e-10) << rope << " " << fold;
      EXPECT_GT(largest_difference(states(*model, {.input_ids = tiny_ids(2, 9)}), turned), 1e-3) << rope << " " << fold;
    }
}

// Where every key is zero but the frequencies of the one head that turns, all positions are right.
TEST(TransMla, CollapsedFrequenciesAreTheBases) {
  const auto model = base_model(2, {{"rope_theta", 100.0}});
  at::Tensor rows = at::zeros({32}, at::kDouble);
  for (const int64_t pair : {0, 4}) rows[pair] = rows[pair + 8] = 1;
  for (const NamedTensor& p : model->parameters().all())
    if (p.name.ends_with("k_proj.weight")) p.value.mul_(rows.unsqueeze(1));
  const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 12)};
  const at::Tensor before = states(*model, inputs);
  TransMlaOptions o = merged(4, 60, 4);
  o.balance_kv_ratio.reset();
  convert_by(model, o);
  EXPECT_LT(largest_difference(states(*model, inputs), before), 1e-10);
}

TEST(TransMla, RotationsAreOrthogonalAndGatherTheEnergyInTheHeadThatTurns) {
  const at::Tensor keys = at::randn({200, 48}, at::kDouble), moment = at::matmul(keys.t(), keys);
  for (const auto& [collapse, fold] : {std::pair{1, 1}, std::pair{1, 4}, std::pair{2, 2}, std::pair{4, 8}}) {
    const KeyShape shape{.kv_heads = 3, .head = 16, .collapse = collapse, .freqfold = fold};
    const at::Tensor q = rorope(moment, shape);
    EXPECT_LT(largest_difference(at::matmul(q.t(), q), at::eye(48, at::kDouble)), 1e-12);
    const at::Tensor energy = at::matmul(at::matmul(q.t(), moment), q).diagonal();
    const at::Tensor blocks = energy.view({-1, shape.rope()}).sum(1);
    EXPECT_TRUE((blocks.slice(0, 0, -1) >= blocks.slice(0, 1)).all().item<bool>()) << collapse << fold;
    EXPECT_GT(blocks[0].item<double>(), 1.02 * energy.sum().item<double>() * shape.rope() / 48);
  }
  EXPECT_THAT(collapsed_pairs({.kv_heads = 2, .head = 16, .collapse = 4, .freqfold = 4}), ::testing::ElementsAre(0, 4));
}

// Turning before and after rotating the heads is the same, where no frequencies are folded.
TEST(TransMla, RotationsCommuteWithPositions) {
  const KeyShape shape{.kv_heads = 2, .head = 16};
  const at::Tensor keys = at::randn({100, 32}, at::kDouble), q = rorope(at::matmul(keys.t(), keys), shape);
  const Rotary rotary(RopeConfig{.rope_theta = 100}, 16);
  const RotaryTable table = rotary.table(at::arange(100, at::kLong).unsqueeze(0), at::kDouble);
  const at::Tensor turned = rotate(keys.view({1, 100, 2, 16}), table).view({100, 32});
  const at::Tensor made = rotate_interleaved(at::matmul(keys, q).view({1, 100, 2, 16}), table);
  const at::Tensor neighbours = at::stack({made.narrow(3, 0, 8), made.narrow(3, 8, 8)}, 4).reshape({100, 32});
  EXPECT_LT(largest_difference(neighbours, at::matmul(turned, q)), 1e-12);
}

TEST(TransMla, WhatTheLatentsLoseIsTheVarianceLeftOut) {
  const auto model = base_model();
  const auto& attention = dynamic_cast<const GroupedAttention&>(*model->layer(0).attention);
  const at::Tensor x = at::matmul(at::randn({300, kWidth}, at::kDouble), at::randn({kWidth, kWidth}, at::kDouble));
  const at::Tensor moment = at::matmul(x.t(), x) / 300;
  const BaseProjections base{attention.query().weight, attention.key().weight, attention.value().weight};
  const KeyShape shape{.kv_heads = 2, .head = 16, .collapse = 2, .freqfold = 2};
  const RotatedKeys keys{base, rorope(at::matmul(at::matmul(base.k, moment), base.k.t()), shape), shape};
  const at::Tensor k = at::matmul(keys.rotation.t(), base.k).narrow(0, 8, 24);
  for (const std::optional<double> balance :
       {std::optional<double>(), std::optional<double>(1), std::optional<double>(2)}) {
    const auto norm = [&](const at::Tensor& w) { return at::matmul(x, w.t()).norm(2, {0}).mean(); };
    const at::Tensor ratio = balance ? norm(k) / (norm(base.v.narrow(0, 8, 24)) * *balance) : at::ones({}, at::kDouble);
    const at::Tensor outputs = at::matmul(x, at::cat({k / ratio, base.v}).t());  // [300,56]
    const LatentWeights w = balanced_weights(keys, moment, 20, 0, balance);
    const at::Tensor values = at::linalg_eigvalsh(at::matmul(outputs.t(), outputs) / 300).flip(0);
    // Rows of the up-projection that give the latents back: those of query heads 0 and 2, values first.
    const at::Tensor latents = at::matmul(x, w.kv_a.narrow(0, 0, 20).t());
    EXPECT_NEAR(latents.square().sum().item<double>() / 300 / values.narrow(0, 0, 20).sum().item<double>(), 1, 1e-10);
    const at::Tensor up = w.kv_b.view({4, 32, 20}), given = at::matmul(latents, up.narrow(1, 16, 16).transpose(1, 2));
    const at::Tensor wanted = at::matmul(x, base.v.t()).view({300, 2, 16}).transpose(0, 1);
    const at::Tensor made_keys = at::matmul(latents, up.narrow(1, 0, 16).transpose(1, 2));
    const at::Tensor true_keys =
        at::matmul(at::matmul(x, k.t()), keys.rotation.narrow(1, 8, 24).t()).view({300, 2, 16}).transpose(0, 1);
    double lost = 0;
    for (const int64_t head : {0, 1}) {
      lost += (given[2 * head] - wanted[head]).square().sum().item<double>();
      lost += ((made_keys[2 * head] - true_keys[head]) / ratio).square().sum().item<double>();
      EXPECT_TRUE(up[2 * head].equal(up[2 * head + 1]));
    }
    EXPECT_NEAR(lost / 300 / values.narrow(0, 20, 36).sum().item<double>(), 1, 1e-9);
  }
}

TEST(TransMla, FoldsFrequenciesAsLongAsPerplexityFalls) {
  const CalibrationTokens tokens = calibrated().calibration();
  const auto after = [&](std::optional<int64_t> fold) {
    const auto model = base_model(2, {{"rope_theta", 100.0}});
    convert_by(model, merged(8, 56, fold));
    return perplexity(*model, tokens, 3);
  };
  double best = after(2);
  for (const int64_t fold : {4, 8}) {
    const double found = after(fold);
    if (found >= best) break;
    best = found;
  }
  EXPECT_NEAR(after(std::nullopt), best, 1e-9);
}

TEST(TransMla, WhatDoesNotFitIsRefusedWithItsKey) {
  const auto refused = [](const char* key, const TransMlaOptions& options) {
    EXPECT_ERROR_AT(convert_by(base_model(), options), ErrorKind::kUsage, "bad_value", cat("method.", key));
  };
  refused("qk_mqa_dim", merged(32, 8));
  refused("qk_mqa_dim", merged(6, 8));
  refused("freqfold", merged(8, 8, 1));
  refused("freqfold", merged(8, 8, 6));
  refused("kv_lora_rank", merged(8, 57, 2));
  TransMlaOptions o = merged(8, 8, 2);
  o.q_lora_rank = 65;
  refused("q_lora_rank", o);
  for (const char* other : {"qwen2", "opt"})
    EXPECT_ERROR(convert_by(base_model(2, {}, other), merged(8, 8, 2)), ErrorKind::kUsage, "method_does_not_fit");
}

}  // namespace
}  // namespace frugal::x_ecomla
