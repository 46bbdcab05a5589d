// The invariants of the spec, section 7(a).
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "core/error.h"
#include "methods/meft/fixed_point.h"
#include "methods/meft/reversible_encoder.h"
#include "tests/models/tiny_bert.h"
#include "tests/support/expect_error.h"

namespace frugal::meft {
namespace {

using frugal::testing::relative_error;
using frugal::testing::tiny_bert;
using frugal::testing::tiny_inputs;
using frugal::testing::TinySpec;

constexpr const char* kVariants[] = {"meft1", "meft2", "meft3"};

std::shared_ptr<ReversibleEncoder> make(const MeftOptions& options, const TinySpec& spec = {},
                                        at::ScalarType type = at::kDouble) {
  return std::make_shared<ReversibleEncoder>(tiny_bert(spec, type), options, 11);
}

std::vector<at::Tensor> gradients(TextEncoder& model, const Pass& pass = Pass::train(5, 3, 0)) {
  const at::Tensor logits = model.forward(tiny_inputs(), pass).logits;
  const at::Tensor weight = at::arange(1, logits.numel() + 1, logits.options()).view_as(logits);
  std::vector<at::Tensor> parameters;
  for (const auto& parameter : model.parameters().trainable()) parameters.push_back(parameter.value);
  return torch::autograd::grad({(logits * weight).sum()}, parameters);
}

double worst_error(const std::vector<at::Tensor>& got, const std::vector<at::Tensor>& expected) {
  EXPECT_EQ(got.size(), expected.size());
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, relative_error(got[i], expected[i]));
  return worst;
}

class EachVariant : public ::testing::TestWithParam<const char*> {
 protected:
  MeftOptions options() const {
    MeftOptions o;
    o.variant = GetParam();
    return o;
  }
};
INSTANTIATE_TEST_SUITE_P(Meft, EachVariant, ::testing::ValuesIn(kVariants),
                         [](const auto& info) { return info.param; });

// 7(a).1, with dropout, padding and every plan.
TEST_P(EachVariant, ReversibleGradientEqualsPlainAutograd) {
  MeftOptions vanilla = options();
  vanilla.plan = "vanilla:4";
  const auto expected = gradients(*make(vanilla));
  for (const char* plan : {"rev:4", "rev:2,vanilla:2", "vanilla:1,rev:3"}) {
    MeftOptions o = options();
    o.plan = plan;
    // 4 layers at 0.1 amplify eps by 1e4 (1e8 for MEFT3, two factors a layer).
    EXPECT_LT(worst_error(gradients(*make(o)), expected), 1e-9) << plan;
  }
}

TEST_P(EachVariant, AnchorsAndWiderStreamsGiveTheSameGradient) {
  MeftOptions vanilla = options();
  vanilla.plan = "vanilla:4";
  const auto expected = gradients(*make(vanilla));
  MeftOptions anchors = options();
  anchors.exactness = "anchors";
  anchors.anchor_every = 1;
  EXPECT_LT(worst_error(gradients(*make(anchors)), expected), 1e-13);
}

// 7(a).12: layers below carry one stream and no adapters.
TEST_P(EachVariant, FrozenLayersHaveNoAdaptersAndSameGradientAbove) {
  MeftOptions a = options(), b = options();
  a.plan = "frozen:2,rev:2";
  b.plan = "frozen:2,vanilla:2";
  const auto model = make(a);
  for (const auto& parameter : model->parameters().trainable()) {
    EXPECT_EQ(parameter.name.find("layer.0."), std::string::npos);
    EXPECT_EQ(parameter.name.find("layer.1."), std::string::npos);
  }
  EXPECT_LT(worst_error(gradients(*model), gradients(*make(b))), 1e-9);
}

// 7(a).3: factors 0 and adapters 0 are the unmodified model, bit for bit.
TEST_P(EachVariant, IdentitySettingEqualsTheModelBitForBit) {
  MeftOptions o = options();
  if (o.which() == Variant::kMeft2) {
    o.lambda = 1;
    o.beta = 0;
  } else {
    o.lambda = 0;
    o.beta = o.which() == Variant::kMeft1 ? 1 : 0;
  }
  o.adapter_init = 0;
  o.num_rev_layers = 0;
  o.readout = "main";
  const at::NoGradGuard no_grad;
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const auto plain = tiny_bert({}, type);
    const auto expected = plain->forward(tiny_inputs(), Pass::evaluation());
    const auto got = make(o, {}, type)->forward(tiny_inputs(), Pass::evaluation());
    EXPECT_TRUE(got.last_hidden_state.equal(expected.last_hidden_state));
    EXPECT_TRUE(got.logits.equal(expected.logits));
    if (o.which() == Variant::kMeft3) continue;
    MeftOptions off = o;
    off.switch_streams = false;
    EXPECT_FALSE(make(off, {}, type)->forward(tiny_inputs(), Pass::evaluation()).logits.equal(expected.logits));
  }
}

// 7(a).7: integers come back bit for bit, at the published factors, over 24 layers.
TEST_P(EachVariant, FixedPointRoundTripIsExactOver24Layers) {
  const TinySpec spec{.layers = 24, .hidden = 64};
  const auto model = make(options(), spec, at::kFloat);
  const Pass pass = Pass::train(5, 3, 0);
  const TextInputs inputs = tiny_inputs(16);
  const at::Tensor mask = additive_mask(inputs.attention_mask, at::kFloat);
  const at::Tensor embedded = model->embed(inputs, pass).detach();
  for (const double factor : {0.1, 0.125}) {
    Coupling layer{.f = {}, .g = {}, .lambda = factor, .beta = 1, .swap = true, .parameters = {}};
    FixedStreams h = {to_fixed(embedded, 16), to_fixed(embedded, 16)};
    const FixedStreams start = h;
    at::Tensor overflow = at::zeros({}, at::kBool);
    std::vector<FixedSaved> saved(24);
    const auto bind = [&](int64_t l) {
      layer.f = [&, l](const at::Tensor& x) {
        return model->mlp_block(l, model->attention_block(l, x, mask, pass), pass);
      };
      layer.g = [](const at::Tensor& x) { return x * 0.01; };
    };
    {
      const at::NoGradGuard no_grad;
      for (int64_t l = 0; l < 24; ++l) {
        bind(l);
        h = forward(layer, h, 16, at::kFloat, saved[static_cast<size_t>(l)], overflow);
      }
    }
    EXPECT_FALSE(overflow.item<bool>());
    const at::Tensor zero = at::zeros_like(embedded);
    for (int64_t l = 24; l-- > 0;) {
      bind(l);
      h = invert(layer, h, {zero, zero}, saved[static_cast<size_t>(l)], 16, at::kFloat).in;
    }
    EXPECT_TRUE(h.h1.equal(start.h1)) << factor;
    EXPECT_TRUE(h.h2.equal(start.h2)) << factor;
  }
}

TEST_P(EachVariant, FixedPointGradientIsNearPlainAutogradOver12Layers) {
  const TinySpec spec{.layers = 12, .hidden = 64, .heads = 4, .labels = 2, .dropout = 0.1, .weight_std = 0.06};
  MeftOptions vanilla = options(), fixed = options();
  vanilla.plan = "vanilla:12";
  fixed.exactness = "fixed_point";
  fixed.residual_every = 3;
  const auto model = make(fixed, spec, at::kFloat);
  // What differs is the rounding of the streams to 2^-16, not noise that grows with depth.
  EXPECT_LT(worst_error(gradients(*model), gradients(*make(vanilla, spec, at::kFloat))), 2e-2);
  const auto residual = model->diagnostics();
  ASSERT_EQ(residual.size(), 1u);
  EXPECT_LT(residual[0].second, 1e-4);  // the start itself is rounded to 2^-17
}

// 7(a).8, and what the published setting does there (2.6).
TEST(Meft, AnchorsKeepTheGradientWherePublishedLosesIt) {
  const TinySpec spec{.layers = 24, .hidden = 64, .heads = 4, .labels = 2, .dropout = 0, .weight_std = 0.06};
  for (const char* variant : {"meft1", "meft2"}) {
    MeftOptions vanilla, anchors, published;
    vanilla.variant = anchors.variant = published.variant = variant;
    vanilla.plan = "vanilla:24";
    anchors.exactness = "anchors";
    anchors.anchor_every = 3;
    const auto expected = gradients(*make(vanilla, spec, at::kFloat));
    EXPECT_LT(worst_error(gradients(*make(anchors, spec, at::kFloat)), expected), 1e-3) << variant;
    EXPECT_GT(worst_error(gradients(*make(published, spec, at::kFloat)), expected), 0.5) << variant;
  }
}

// 7(a).2
TEST_P(EachVariant, InverseRecoversTheInput) {
  const auto model = make(options(), {.layers = 2});
  MeftOptions o = options();
  o.residual_every = 1;
  const auto probed = make(o, {.layers = 2});
  gradients(*probed);
  const auto residual = probed->diagnostics();
  ASSERT_EQ(residual.size(), 1u);
  EXPECT_LT(residual[0].second, 1e-12);
  EXPECT_TRUE(probed->diagnostics().empty());
}

// 7(a).4
TEST(Meft, SwapBookkeeping) {
  const at::Tensor a = at::randn({2, 3}, at::kDouble), b = at::randn({2, 3}, at::kDouble);
  const auto zero = [](const at::Tensor& x) { return x * 0; };
  for (const bool swap : {true, false})
    for (int layers = 0; layers < 5; ++layers) {
      const Coupling layer{.f = zero, .g = zero, .lambda = 1, .beta = 1, .swap = swap, .parameters = {}};
      Streams h = {a, b};
      for (int i = 0; i < layers; ++i) h = forward(layer, h);
      const bool swapped = swap && layers % 2 == 1;
      EXPECT_TRUE(h.h1.equal(swapped ? b : a));
      EXPECT_TRUE(h.h2.equal(swapped ? a : b));
      for (int i = 0; i < layers; ++i) h = invert(layer, h, {a * 0, b * 0}).in;
      EXPECT_TRUE(h.h1.equal(a));
      EXPECT_TRUE(h.h2.equal(b));
    }
}

// 7(a).6: the reconstruction error grows by 1/factor a layer, twice that for MEFT3.
TEST_P(EachVariant, ErrorGrowsByTheInverseFactor) {
  const auto residual_at = [&](int64_t layers, double factor) {
    MeftOptions o = options();
    o.lambda = o.which() == Variant::kMeft2 ? 1 : factor;
    o.beta = o.which() == Variant::kMeft1 ? 1 : factor;
    o.residual_every = 3;
    const auto model = make(o, {.layers = layers, .hidden = 64, .heads = 4, .labels = 2, .dropout = 0}, at::kDouble);
    gradients(*model);
    return std::log10(model->diagnostics().at(0).second);
  };
  const double slope = (residual_at(6, 0.1) - residual_at(2, 0.1)) / 4;
  EXPECT_NEAR(slope, GetParam() == std::string("meft3") ? 2.0 : 1.0, 0.3);
}

// The same key replays the same masks; the gradient of a step does not depend on the generator's state.
TEST(Meft, StepsAreReproducible) {
  const MeftOptions o;
  const auto first = gradients(*make(o));
  at::rand({100});
  const auto second = gradients(*make(o));
  for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(first[i].equal(second[i]));
  EXPECT_GT(worst_error(gradients(*make(o), Pass::train(5, 4, 0)), first), 1e-3);
}

TEST(Meft, ParameterCountsOfTheSpec) {
  MeftOptions o;
  const auto model = make(o, {.layers = 4, .hidden = 32});
  int64_t adapters = 0;
  for (const auto& p : model->parameters().trainable())
    if (p.name.find("adapter") != std::string::npos) adapters += p.value.numel();
  EXPECT_EQ(adapters, 4 * 2 * (2 * 32 * 8 + 8 + 32));
}

TEST(Meft, PlansAndBadOptionsAreExplained) {
  MeftOptions o;
  o.num_rev_layers = 8;
  o.freeze_irreversible_layers = true;
  const auto plan = layer_plan(o, 12);
  EXPECT_EQ(std::count(plan.begin(), plan.begin() + 4, LayerMode::kFrozen), 4);
  o.freeze_irreversible_layers = false;
  EXPECT_EQ(layer_plan(o, 12)[7], LayerMode::kReversible);
  EXPECT_EQ(layer_plan(o, 12)[8], LayerMode::kVanilla);
  for (const char* bad : {"rev:3", "rev:x", "rev", "ref:4", "rev:2,frozen:2", "rev:99999999999"}) {
    MeftOptions b;
    b.plan = bad;
    EXPECT_EQ(test::code_of([&] { layer_plan(b, 4); }), "bad_plan") << bad;
  }
  MeftOptions zero;
  zero.lambda = 0;
  EXPECT_EQ(test::code_of([&] { check(zero, 4); }), "not_invertible");
  MeftOptions third;
  third.lambda = 0.3;
  third.exactness = "fixed_point";
  EXPECT_EQ(test::code_of([&] { check(third, 4); }), "not_invertible");
}

TEST(FixedPoint, RemaindersPackAndUnpack) {
  for (const int64_t n : {2, 3, 4, 5, 8, 10, 16, 17, 100, 256}) {
    const at::Tensor values = at::randint(0, n, {3, 7, 5}, at::kInt);
    EXPECT_TRUE(unpack_remainder(pack_remainder(values, n), n, values.sizes()).equal(values)) << n;
  }
}

}  // namespace
}  // namespace frugal::meft
