// Decoders beyond what parity with transformers shows: gradients, dropout, layers of another kind, wrong calls.
#include <ATen/ops/cumsum.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "models/language/grouped_attention.h"
#include "models/language/likelihood.h"
#include "tests/models/tiny_llama.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

using testing::largest_difference;
using testing::tiny_ids;
using testing::tiny_language_model;

at::Tensor loss(Decoder& model, const at::Tensor& ids, const Pass& pass) {
  const at::Tensor hidden = model.hidden_states({.input_ids = ids}, nullptr, pass);
  const int64_t last = ids.size(1) - 1;
  return cross_entropy(hidden.narrow(1, 0, last), ids.narrow(1, 1, last), model.head(), 3);
}

class Architectures : public ::testing::TestWithParam<const char*> {};

// Central differences of the loss along a random direction of each parameter.
TEST_P(Architectures, GradientsOfEveryParameterAreTheSlopes) {
  const auto model = tiny_language_model(GetParam());
  model->parameters().set_trainable([](std::string_view) { return true; });
  const at::Tensor ids = tiny_ids(2, 7);
  std::vector<at::Tensor> values;
  for (const NamedTensor& p : model->parameters().all()) values.push_back(p.value);
  const auto gradients = torch::autograd::grad({loss(*model, ids, Pass::train(1, 0, 0))}, values);
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < values.size(); ++i) {
    const at::Tensor direction = at::randn(values[i].sizes(), at::kDouble), before = values[i].clone();
    const double h = 1e-6 / direction.norm().item<double>();
    const auto at_step = [&](double step) {
      values[i].copy_(before + step * direction);
      return loss(*model, ids, Pass::train(1, 0, 0)).item<double>();
    };
    const double slope = (at_step(h) - at_step(-h)) / (2 * h);
    values[i].copy_(before);
    const double wanted = (gradients[i] * direction).sum().item<double>();
    EXPECT_NEAR(slope, wanted, 1e-5 * (1 + std::abs(wanted))) << model->parameters().all()[i].name;
    EXPECT_GT(gradients[i].abs().max().item<double>(), 0) << model->parameters().all()[i].name;
  }
}

TEST_P(Architectures, PaddingDoesNotReachTheRows) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_language_model(GetParam());
  at::Tensor ids = tiny_ids(2, 9);
  const LanguageModelInputs inputs{.input_ids = ids, .lengths = {9, 4}};
  const at::Tensor before = model->hidden_states(inputs, nullptr, Pass::evaluation());
  const at::Tensor alone = model->hidden_states({.input_ids = ids.narrow(0, 1, 1).narrow(1, 0, 4)}, nullptr, {});
  EXPECT_LT(largest_difference(before[1].narrow(0, 0, 4), alone[0]), 1e-12);
  ids[1].narrow(0, 4, 5).fill_(0);
  const at::Tensor after = model->hidden_states({.input_ids = ids, .lengths = {9, 4}}, nullptr, Pass::evaluation());
  EXPECT_TRUE(after[1].narrow(0, 0, 4).equal(before[1].narrow(0, 0, 4)));
}

TEST_P(Architectures, EmbeddingsMayTakeThePlaceOfIds) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_language_model(GetParam());
  const at::Tensor ids = tiny_ids(2, 5);
  const at::Tensor by_ids = model->hidden_states({.input_ids = ids}, nullptr, Pass::evaluation());
  EXPECT_TRUE(model->hidden_states({.inputs_embeds = model->embed(ids)}, nullptr, Pass::evaluation()).equal(by_ids));
  EXPECT_ERROR(model->hidden_states({}, nullptr, {}), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(model->hidden_states({.input_ids = ids, .inputs_embeds = by_ids}, nullptr, {}), ErrorKind::kUsage,
               "bad_inputs");
}

// With dropout of the probabilities the attention is written out; at a rate of almost nothing it must agree.
TEST_P(Architectures, AttentionWrittenOutEqualsTheFusedOne) {
  const at::NoGradGuard no_grad;
  const at::Tensor ids = tiny_ids(2, 9);
  const auto fused = tiny_language_model(GetParam());
  const auto written = tiny_language_model(GetParam(), {{"attention_dropout", 1e-12}});
  const Pass pass = Pass::train(3, 0, 0);
  EXPECT_LT(largest_difference(fused->hidden_states({.input_ids = ids}, nullptr, pass),
                               written->hidden_states({.input_ids = ids}, nullptr, pass)),
            1e-9);
}

TEST_P(Architectures, DropoutIsAFunctionOfTheKeyAndOffInEvaluation) {
  const at::NoGradGuard no_grad;
  const auto plain = tiny_language_model(GetParam());
  Json dropouts = {{"attention_dropout", 0.2}};
  if (std::string(GetParam()) == "opt") dropouts["dropout"] = 0.3;
  const auto model = tiny_language_model(GetParam(), dropouts);
  const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 9)};
  const auto states = [&](Decoder& m, const Pass& pass) { return m.hidden_states(inputs, nullptr, pass); };
  EXPECT_TRUE(states(*model, Pass::evaluation()).equal(states(*plain, Pass::evaluation())));
  const at::Tensor once = states(*model, Pass::train(1, 2, 3));
  EXPECT_TRUE(states(*model, Pass::train(1, 2, 3)).equal(once));
  EXPECT_FALSE(states(*model, Pass::train(1, 3, 3)).equal(once));
}

TEST_P(Architectures, WidthsOfNumbersOnlyRound) {
  const at::NoGradGuard no_grad;
  const at::Tensor ids = tiny_ids(2, 9);
  const auto exact = tiny_language_model(GetParam());
  const at::Tensor wanted = exact->logits(exact->hidden_states({.input_ids = ids}, nullptr, Pass::evaluation()));
  const double scale = wanted.abs().max().item<double>();
  for (const auto& [type, tolerance] : {std::pair{at::kFloat, 1e-5}, {at::kBFloat16, 0.06}}) {
    const auto model = tiny_language_model(GetParam(), {}, type);
    const auto cache = model->make_cache(2, 9);
    EXPECT_EQ(cache->table(0, 0).scalar_type(), type);
    const at::Tensor whole = model->hidden_states({.input_ids = ids}, nullptr, Pass::evaluation());
    EXPECT_EQ(whole.scalar_type(), type);
    EXPECT_LT(largest_difference(model->logits(whole).to(at::kDouble), wanted), tolerance * scale) << type;
    const at::Tensor cached = model->hidden_states({.input_ids = ids}, cache.get(), Pass::evaluation());
    EXPECT_LT(largest_difference(cached.to(at::kDouble), whole.to(at::kDouble)), tolerance * scale);
    // Ragged rows that go on in pieces: masks and scattered writes of this type.
    cache->truncate(1, 3);
    cache->truncate(0, 5);
    const LanguageModelInputs rest{
        .input_ids = at::cat({ids.narrow(0, 0, 1).narrow(1, 5, 2), ids.narrow(0, 1, 1).narrow(1, 3, 2)}),
        .lengths = {2, 1}};
    const at::Tensor pieces = model->hidden_states(rest, cache.get(), Pass::evaluation()).to(at::kDouble);
    const at::Tensor exact_states = whole.to(at::kDouble);
    EXPECT_LT(largest_difference(pieces[0], exact_states[0].narrow(0, 5, 2)), tolerance * scale) << type;
    EXPECT_LT(largest_difference(pieces[1][0], exact_states[1][3]), tolerance * scale) << type;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Architectures, ::testing::Values("llama", "mistral", "qwen2", "opt"),
                         [](const auto& info) { return std::string(info.param); });

// The mean of all values so far: needs a cache of another shape than keys and values, as latent attention does.
class RunningMean final : public Attention {
 public:
  RunningMean(int64_t layer, at::Tensor down, at::Tensor up)
      : Attention(layer), down_{.weight = std::move(down)}, up_{.weight = std::move(up)} {}
  std::vector<CacheSlot> cache_slots() const override {
    return {{"latent", {down_.weight.size(0)}, down_.weight.scalar_type()}};
  }
  at::Tensor forward(const at::Tensor& x, TokenContext& context) override {
    const at::Tensor latents = context.extend(layer(), 0, down_(x));
    const at::Tensor upto = latents.cumsum(1).gather(
        1, context.positions().unsqueeze(-1).expand({context.batch(), context.tokens(), latents.size(2)}));
    return up_(upto / (context.positions() + 1).unsqueeze(-1));
  }

 private:
  Linear down_, up_;
};

TEST(Decoder, LayersOfDifferentAttentionShareOneCache) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_language_model();
  const int64_t parameters = model->parameters().count();
  const auto old = [](std::string_view name) { return name.starts_with("model.layers.1.self_attn."); };
  EXPECT_EQ(model->parameters().remove(old), 4);
  const auto add = [&](const char* name, at::IntArrayRef shape) {
    return model->parameters().add(name, at::randn(shape, at::kDouble));
  };
  const at::Tensor down = add("model.layers.1.mean.down.weight", {3, 16}),
                   up = add("model.layers.1.mean.up.weight", {16, 3});
  model->layer(1).attention = std::make_unique<RunningMean>(1, down, up);
  EXPECT_EQ(model->parameters().count(), parameters - 16 * 16 * 2 - 8 * 16 * 2 + 2 * 3 * 16);
  EXPECT_TRUE(model->parameters().get("model.layers.1.mean.up.weight").is_same(up));
  EXPECT_FALSE(model->parameters().contains("model.layers.1.self_attn.q_proj.weight"));

  const at::Tensor ids = tiny_ids(2, 8);
  const auto cache = model->make_cache(2, 8);
  EXPECT_EQ(cache->bytes_per_token(), (2 * 2 * 4 + 3) * 8);
  const at::Tensor whole = model->hidden_states({.input_ids = ids}, nullptr, Pass::evaluation());
  model->hidden_states({.input_ids = ids.narrow(1, 0, 5)}, cache.get(), Pass::evaluation());
  const at::Tensor rest = model->hidden_states({.input_ids = ids.narrow(1, 5, 3)}, cache.get(), Pass::evaluation());
  EXPECT_LT(largest_difference(rest, whole.narrow(1, 5, 3)), 1e-12);
}

TEST(Decoder, WrongCallsAreRefused) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_language_model();
  const at::Tensor ids = tiny_ids(2, 5), mask = at::ones({2, 5}, at::kLong);
  const auto cache = model->make_cache(2, 9);
  const auto call = [&](const LanguageModelInputs& inputs, KvCache* with = nullptr) {
    return model->hidden_states(inputs, with, Pass::evaluation());
  };
  EXPECT_ERROR(call({.input_ids = ids, .lengths = {5}}), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(call({.input_ids = ids, .lengths = {5, 6}}), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(call({.input_ids = ids, .rows = {0, 1}}), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(call({.input_ids = ids, .attention_mask = mask}, cache.get()), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(call({.input_ids = ids, .attention_mask = mask.narrow(1, 0, 4)}), ErrorKind::kUsage, "bad_inputs");
  EXPECT_ERROR(model->make_cache(0, 4), ErrorKind::kUsage, "bad_inputs");
  const auto opt = tiny_language_model("opt");
  EXPECT_ERROR(opt->hidden_states({.input_ids = tiny_ids(1, 65)}, nullptr, {}), ErrorKind::kBadData,
               "sequence_too_long");
  EXPECT_NO_THROW(opt->hidden_states({.input_ids = tiny_ids(1, 64)}, nullptr, {}));
  EXPECT_NO_THROW(model->hidden_states({.input_ids = tiny_ids(1, 65)}, nullptr, {})) << "rotary positions go on";
}

// A ragged row that ends within the learned positions, in a batch whose padding does not.
TEST(Decoder, PaddingMayStandBeyondTheLearnedPositions) {
  const at::NoGradGuard no_grad;
  const auto opt = tiny_language_model("opt");
  const auto cache = opt->make_cache(2, 64);
  const at::Tensor first = tiny_ids(2, 60), next = tiny_ids(2, 8, 3);
  opt->hidden_states({.input_ids = first, .lengths = {60, 10}}, cache.get(), {});
  const at::Tensor states = opt->hidden_states({.input_ids = next, .lengths = {4, 8}}, cache.get(), {});
  const at::Tensor whole = at::cat({first.narrow(0, 0, 1), next.narrow(0, 0, 1).narrow(1, 0, 4)}, 1);
  EXPECT_LT(largest_difference(states[0].narrow(0, 0, 4),
                               opt->hidden_states({.input_ids = whole}, nullptr, {})[0].narrow(0, 60, 4)),
            1e-12);
}

}  // namespace
}  // namespace frugal
