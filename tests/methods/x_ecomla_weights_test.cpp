// X-EcoMLA's decompositions, ranks and rows; interleaved rotation; the core of the absorbed form.
#include <ATen/ops/einsum.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "models/language/grouped_attention.h"
#include "models/language/latent_core.h"
#include "tests/methods/tiny_x_ecomla.h"

namespace frugal::x_ecomla {
namespace {

using namespace frugal::x_ecomla::testing;
using frugal::testing::largest_difference;

// -- decompositions

// [K;V] with the heads repeated for every query head, as the authors' code stacks them.
at::Tensor repeated_key_value(const at::Tensor& k, const at::Tensor& v, int64_t group) {
  const auto repeat = [&](const at::Tensor& w) {
    return w.view({-1, kHead, kWidth}).repeat_interleave(group, 0).flatten(0, 1);
  };
  return at::cat({repeat(k), repeat(v)});
}

class Matrices : public ::testing::TestWithParam<std::pair<int64_t, int64_t>> {};
INSTANTIATE_TEST_SUITE_P(Shapes, Matrices,
                         ::testing::Values(std::pair{20, 50}, std::pair{50, 20}, std::pair{32, 32}, std::pair{1, 8}),
                         [](const auto& info) { return frugal::cat(info.param.first, "x", info.param.second); });

TEST_P(Matrices, DecomposeAsAPlainSvdDoes) {
  const auto [rows, columns] = GetParam();
  const at::Tensor matrix = at::randn({rows, columns}, at::kDouble);
  const Decomposition fast = decompose(matrix);
  const auto [u, s, vt] = at::linalg_svd(matrix, /*full_matrices=*/false);
  EXPECT_LT(largest_difference(fast.sigma, s), 1e-12 * s[0].item<double>());
  // Vectors are the same up to their sign.
  const at::Tensor sign = (fast.u * u).sum(0).sign();
  EXPECT_LT(largest_difference(fast.u * sign, u), 1e-7);
  EXPECT_LT(largest_difference(fast.vt * sign.unsqueeze(1), vt), 1e-7);
  EXPECT_LT(largest_difference(at::matmul(fast.u * fast.sigma, fast.vt), matrix), 1e-12);
  const Energies roots = energies(matrix);
  for (size_t i = 0; i < roots.size(); ++i)
    EXPECT_NEAR(roots[i], std::pow(s[static_cast<int64_t>(i)].item<double>(), 2), 1e-10);
}

TEST_P(Matrices, FactorsAreTheBestOfTheirRankOnWhicheverSideTheSingularValuesLie) {
  const auto [rows, columns] = GetParam();
  const at::Tensor matrix = at::randn({rows, columns}, at::kDouble);
  const Decomposition d = decompose(matrix);
  const Energies all = energies(d);
  for (const int64_t rank : {int64_t{1}, static_cast<int64_t>(all.size())})
    for (const auto side : {SigmaSide::kDown, SigmaSide::kUp, SigmaSide::kSqrt}) {
      const Factors f = factors(d, rank, side);
      double lost = 0;
      for (size_t i = static_cast<size_t>(rank); i < all.size(); ++i) lost += all[i];
      EXPECT_NEAR((matrix - at::matmul(f.up, f.down)).square().sum().item<double>(), lost, 1e-9);
      const at::Tensor up = at::matmul(f.up.t(), f.up), down = at::matmul(f.down, f.down.t());
      const at::Tensor unit = at::eye(rank, at::kDouble);
      const at::Tensor found = side == SigmaSide::kUp ? down : up;
      EXPECT_LT(largest_difference(found, side == SigmaSide::kSqrt ? down : unit), 1e-7);
    }
}

TEST(Svd, MatricesWithoutFullRankAreNoTrouble) {
  const at::Tensor thin = at::matmul(at::randn({30, 3}, at::kDouble), at::randn({3, 20}, at::kDouble));
  for (const at::Tensor& matrix : {thin, thin.t(), at::zeros({8, 12}, at::kDouble)})
    for (const auto side : {SigmaSide::kDown, SigmaSide::kUp, SigmaSide::kSqrt}) {
      const Factors f = factors(decompose(matrix), 8, side);
      EXPECT_LT(largest_difference(at::matmul(f.up, f.down), matrix), 1e-10);
    }
}

// -- ranks

TEST(Ranks, EnergyRulesDifferByOneBeforeRoundingAndGrowWithDelta) {
  Energies energies;
  for (int i = 0; i < 64; ++i) energies.push_back(std::pow(0.9, i));
  EXPECT_EQ(energy_rank(energies, 1, "code"), 64);
  EXPECT_EQ(energy_rank(energies, 1, "paper"), 64);
  EXPECT_EQ(energy_rank(energies, 1e-6, "code"), 8);
  int64_t before = 0;
  for (double delta = 0.02; delta < 1; delta += 0.02) {
    const int64_t code = energy_rank(energies, delta, "code"), paper = energy_rank(energies, delta, "paper");
    EXPECT_EQ(code % 8, 0);
    EXPECT_GE(code, before);
    EXPECT_TRUE(paper == code || paper == code + 8) << delta;
    before = code;
  }
  // 8 of 16 equal values hold half of the energy: the code counts these 8, for a little more the paper counts 9.
  const Energies flat(16, 1);
  EXPECT_EQ(energy_rank(flat, 0.51, "code"), 8);
  EXPECT_EQ(energy_rank(flat, 0.51, "paper"), 16);
  EXPECT_EQ(energy_rank(flat, 0.5, "paper"), 8);
}

TEST(Ranks, GlobalOnesSpendTheWholeBudgetWhereMostIsKept) {
  const auto falling = [](double first, double ratio) {
    Energies out;
    for (int i = 0; i < 64; ++i) out.push_back(first * std::pow(ratio, i));
    return out;
  };
  const std::vector<Energies> layers = {falling(1, 0.99), falling(1, 0.7), falling(0.01, 0.99), falling(5, 0.9)};
  const auto ranks = global_ranks(layers, 24);
  EXPECT_EQ(std::accumulate(ranks.begin(), ranks.end(), int64_t{0}), 4 * 24);
  const auto kept = [&](const std::vector<int64_t>& some) {
    double sum = 0;
    for (size_t l = 0; l < some.size(); ++l)
      sum += std::accumulate(layers[l].begin(), layers[l].begin() + some[l], 0.0);
    return sum;
  };
  for (size_t from = 0; from < 4; ++from)  // moving a step never helps
    for (size_t to = 0; to < 4; ++to) {
      auto other = ranks;
      if (other[from] == 8 || other[to] == 64 || from == to) continue;
      other[from] -= 8;
      other[to] += 8;
      EXPECT_LE(kept(other), kept(ranks));
    }
  EXPECT_EQ(ranks[2], 8) << "each keeps a step";
  EXPECT_EQ(global_ranks(layers, 64), std::vector<int64_t>(4, 64)) << "there are no more";
}

TEST(Ranks, QueriesMatchTheParametersOfTheBase) {
  // Published: SmolLM-135M r_kv 160 and 360M r_kv 288 (exact); Llama-3.2-1B takes 864, 16 below the match.
  EXPECT_EQ(matched_query_rank({576, 9, 3, 64, 32, 32}, 160), 264);
  EXPECT_EQ(matched_query_rank({960, 15, 5, 64, 32, 32}, 288), 424);
  EXPECT_EQ(matched_query_rank({2048, 32, 8, 64, 32, 32}, 512), 880);
  EXPECT_EQ(budget_kv_rank({576, 9, 3, 64, 32, 32}, 0.5), 160);
  EXPECT_EQ(budget_kv_rank({960, 15, 5, 64, 32, 32}, 0.5), 288);
  EXPECT_EQ(budget_kv_rank({2048, 32, 32, 64, 32, 32}, 0.125), 480);
  EXPECT_EQ(budget_kv_rank({2048, 32, 32, 64, 32, 32}, 0.5), 2016);
}

// -- targets and weights

BaseProjections projections(Decoder& model, int64_t layer = 0) {
  const auto& a = dynamic_cast<const GroupedAttention&>(*model.layer(layer).attention);
  return {a.query().weight, a.key().weight, a.value().weight};
}

TEST(Weights, AtFullRankTheProductsAreTheKeptRows) {
  const auto model = base_model();
  const BaseProjections base = projections(*model);
  const AttentionSizes sizes{kWidth, kHeads, 2, kHead, 6, 8};
  const Targets targets = code_targets(base, sizes);
  for (const auto side : {SigmaSide::kDown, SigmaSide::kUp, SigmaSide::kSqrt}) {
    const LatentWeights w = latent_weights(targets, {64, 64}, side, {}, sizes);
    const at::Tensor q = base.q.view({kHeads, kHead, kWidth});
    EXPECT_LT(
        largest_difference(at::matmul(w.q_b, w.q_a), at::cat({q.narrow(1, 0, 6), q.narrow(1, 8, 8)}, 1).flatten(0, 1)),
        1e-12);
    const auto repeat = [](const at::Tensor& x) {
      return x.view({2, kHead, kWidth}).repeat_interleave(2, 0);  // [h0,h0,h1,h1]
    };
    EXPECT_LT(largest_difference(at::matmul(w.kv_b, w.kv_a.narrow(0, 0, 64)),
                                 at::cat({repeat(base.k).narrow(1, 0, 6), repeat(base.v)}, 1).flatten(0, 1)),
              1e-12);
    EXPECT_LT(largest_difference(w.kv_a.narrow(0, 64, 8), base.k.view({2, kHead, kWidth}).mean(0).narrow(0, 8, 8)),
              1e-15);
  }
}

// The authors decompose the matrix with repeated heads; ours is smaller.
TEST(Weights, EqualThoseOfTheRepeatedMatrix) {
  const auto model = base_model();
  const BaseProjections base = projections(*model);
  const AttentionSizes sizes{kWidth, kHeads, 2, kHead, 8, 8};
  const int64_t rank = 24;
  const LatentWeights w = latent_weights(code_targets(base, sizes), {32, rank}, SigmaSide::kDown, {}, sizes);
  const auto [u, s, vt] = at::linalg_svd(repeated_key_value(base.k, base.v, 2), false);
  const at::Tensor down = s.narrow(0, 0, rank).unsqueeze(1) * vt.narrow(0, 0, rank);
  const at::Tensor ours = w.kv_a.narrow(0, 0, rank);
  const at::Tensor sign = (ours * down).sum(1).sign();
  EXPECT_LT(largest_difference(ours, down * sign.unsqueeze(1)), 1e-9);
  const at::Tensor up = (u.narrow(1, 0, rank) * sign).view({2, kHeads, kHead, rank});
  const at::Tensor wanted = at::cat({up[0].narrow(1, 0, 8), up[1]}, 1).flatten(0, 1);
  EXPECT_LT(largest_difference(w.kv_b, wanted), 1e-9);
  const LayerEnergies found = layer_energies(code_targets(base, sizes), {}, sizes);
  ASSERT_EQ(found.key_value.size(), 64U);
  for (size_t i = 0; i < 64; ++i)
    EXPECT_NEAR(found.key_value[i], std::pow(s[static_cast<int64_t>(i)].item<double>(), 2), 1e-9);
}

TEST(Weights, BehindAGainTheErrorIsTheLeastThere) {
  const auto model = base_model();
  const BaseProjections base = projections(*model);
  const AttentionSizes sizes{kWidth, kHeads, 2, kHead, 8, 8};
  const at::Tensor gain = at::randn({kWidth}, at::kDouble);
  gain[5] = 0;
  const Targets targets = code_targets(base, sizes);
  const at::Tensor wanted = targets.query.flatten(0, 1) * gain;
  const auto error = [&](const LatentWeights& w) {
    return (at::matmul(w.q_b, w.q_a) * gain - wanted).square().sum().item<double>();
  };
  const LatentWeights with = latent_weights(targets, {24, 24}, SigmaSide::kDown, Metric::gain(gain), sizes);
  const Energies all = layer_energies(targets, Metric::gain(gain), sizes).query;
  EXPECT_NEAR(error(with), std::accumulate(all.begin() + 24, all.end(), 0.0), 1e-9);
  EXPECT_LT(error(with), error(latent_weights(targets, {24, 24}, SigmaSide::kDown, {}, sizes)));
}

TEST(Weights, ByActivationsTheErrorOfTheOutputsIsTheLeast) {
  const auto model = base_model();
  const BaseProjections base = projections(*model);
  const AttentionSizes sizes{kWidth, kHeads, 2, kHead, 8, 8};
  // Inputs of very unlike directions, some of which never come.
  const at::Tensor inputs = at::matmul(at::randn({500, 20}, at::kDouble), at::randn({20, kWidth}, at::kDouble));
  const at::Tensor moment = at::matmul(inputs.t(), inputs) / 500;
  const Metric metric = Metric::activations(moment);
  const Targets targets = code_targets(base, sizes);
  const at::Tensor wanted = targets.query.flatten(0, 1);
  const auto lost = [&](const LatentWeights& w) { return at::matmul(w.q_b, w.q_a) - wanted; };
  const at::Tensor damped = moment + Metric::kDamping * moment.diagonal().mean() * at::eye(kWidth, at::kDouble);
  const auto error = [&](const at::Tensor& d) {
    return at::matmul(at::matmul(d, damped), d.t()).trace().item<double>();
  };
  const auto output_error = [&](const at::Tensor& d) {
    return at::matmul(inputs, d.t()).square().sum().item<double>();
  };
  // Rows are not dropped from 8 + 8 of 16 queries: the whole matrix is approximated.
  const LatentWeights with = latent_weights(targets, {24, 24}, SigmaSide::kDown, metric, sizes);
  const LatentWeights without = latent_weights(targets, {24, 24}, SigmaSide::kDown, {}, sizes);
  const Energies all = layer_energies(targets, metric, sizes).query;
  EXPECT_NEAR(error(lost(with)) / std::accumulate(all.begin() + 24, all.end(), 0.0), 1, 1e-9);
  EXPECT_LT(output_error(lost(with)), 0.1 * output_error(lost(without)));
  // At full rank nothing is lost, what never comes included.
  for (const auto side : {SigmaSide::kDown, SigmaSide::kUp, SigmaSide::kSqrt})
    EXPECT_LT(lost(latent_weights(targets, {64, 64}, side, metric, sizes)).abs().max().item<double>(), 1e-10);
}

// -- rotation, and the core of the absorbed form

TEST(InterleavedRotation, IsTheHalfSplitOneOfPermutedRowsAndSeesDistancesOnly) {
  const int64_t dim = 8;
  const Rotary rotary(deepseek_yarn(10000, 4, 32), dim);
  const at::Tensor q = at::randn({1, 1, 1, dim}, at::kDouble), k = at::randn({1, 1, 1, dim}, at::kDouble);
  const auto turned = [&](const at::Tensor& x, int64_t at) {
    return rotate_interleaved(x, rotary.table(at::full({1, 1}, at, at::kLong), at::kDouble));
  };
  const at::Tensor order = at::tensor(std::vector<int64_t>{0, 2, 4, 6, 1, 3, 5, 7}, at::kLong);
  EXPECT_TRUE(
      turned(q, 7).equal(rotate(q.index_select(3, order), rotary.table(at::full({1, 1}, 7, at::kLong), at::kDouble))));
  const double near = (turned(q, 9) * turned(k, 4)).sum().item<double>();
  EXPECT_NEAR((turned(q, 25) * turned(k, 20)).sum().item<double>(), near, 1e-5);
  EXPECT_GT(std::abs((turned(q, 25) * turned(k, 19)).sum().item<double>() - near), 1e-3);
  EXPECT_NEAR(turned(q, 9).norm().item<double>(), rotary.attention_factor() * q.norm().item<double>(), 1e-6);
}

TEST(LatentCore, EqualsItsDefinitionWholeAndInPieces) {
  const int64_t batch = 2, tokens = 5, heads = 3, rank = 6, rope = 4;
  const auto random = [](at::IntArrayRef shape) { return at::randn(shape, at::kDouble); };
  const at::Tensor q = random({batch, tokens, heads, rank}), turned = random({batch, tokens, heads, rope});
  const at::Tensor table = random({batch, 9, rank + rope}), latents = table.narrow(1, 0, tokens);
  const at::Tensor hidden = at::ones({tokens, tokens}, at::kBool).triu(1);
  const Visibility given{
      .additive =
          at::zeros({1, 1, tokens, tokens}, at::kDouble).masked_fill(hidden, -std::numeric_limits<double>::infinity())};
  const at::Tensor scores =
      at::einsum("bthc,bsc->bhts", {at::cat({q, turned}, -1), latents}).masked_fill(hidden, -1e300) * 0.3;
  const at::Tensor wanted = at::einsum("bhts,bsr->bthr", {at::softmax(scores, -1), latents.narrow(2, 0, rank)});
  for (const Visibility& visibility : {given, Visibility{.causal = true}})
    for (const int64_t most : {int64_t{1} << 26, int64_t{60}, int64_t{1}})
      EXPECT_LT(largest_difference(attend_latents(q, turned, latents, visibility, 0.3, most), wanted), 1e-13) << most;
}

}  // namespace
}  // namespace frugal::x_ecomla
