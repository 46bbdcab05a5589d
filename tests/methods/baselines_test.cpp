// MHA2MLA and TransMLA: what converted models must equal exactly, what is lost, their caches and folders.
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "methods/x_ecomla/activations.h"
#include "methods/x_ecomla/baselines/mha2mla.h"
#include "methods/x_ecomla/baselines/transmla.h"
#include "tests/methods/converted_checks.h"
#include "tests/support/temp_folder.h"

namespace frugal::x_ecomla {
namespace {

using namespace frugal::x_ecomla::testing;
using frugal::test::TempFolder;

void convert_by(const std::shared_ptr<Decoder>& model, const Mha2MlaOptions& options,
                const MethodContext& context = {}) {
  Mha2MlaMethod(options).apply(std::static_pointer_cast<LanguageModel>(model), context);
}

void convert_by(const std::shared_ptr<Decoder>& model, const TransMlaOptions& options,
                const MethodContext& context = calibrated()) {
  TransMlaMethod(options).apply(std::static_pointer_cast<LanguageModel>(model), context);
}

Mha2MlaOptions partial(int64_t r, int64_t low_rank, const std::string& version = "high") {
  Mha2MlaOptions o;
  o.rope_dim_for_mla = r;
  o.low_rank = low_rank;
  o.partial_rope_version = version;
  return o;
}

TransMlaOptions merged(int64_t rope, int64_t rank, std::optional<int64_t> freqfold = 1) {
  TransMlaOptions o;
  o.qk_mqa_dim = rope;
  o.kv_lora_rank = rank;
  o.freqfold = freqfold;
  return o;
}

LanguageModelInputs at_place_0() {
  return {.input_ids = tiny_ids(2, 9), .positions = at::zeros({2, 9}, at::kLong)};
}

// -- every variant of both

struct Variant {
  const char* name;
  std::function<void(const std::shared_ptr<Decoder>&)> apply;
  std::vector<int64_t> cached;  // numbers of a token by layer; 2 key heads of 16
  std::string part;             // of the names of new parameters
  const char* architecture = "llama";
};

std::ostream& operator<<(std::ostream& out, const Variant& variant) {
  return out << variant.name;
}

Variant mha2mla(const char* name, Mha2MlaOptions options, std::vector<int64_t> cached,
                const char* architecture = "llama") {
  return {name, [=](const auto& model) { convert_by(model, options, calibrated()); }, std::move(cached),
          "layers.1.self_attn", architecture};
}

Variant transmla(const char* name, TransMlaOptions options, std::vector<int64_t> cached,
                 const char* architecture = "llama") {
  return {name, [=](const auto& model) { convert_by(model, options); }, std::move(cached), "layers.1.mla",
          architecture};
}

std::vector<Variant> variants() {
  Mha2MlaOptions split = partial(4, 3), some = partial(8, 5, "low"), uniform = partial(4, 8, "uniform");
  split.svd_init_method = "split";
  some.layers = {1, 2};
  uniform.uniform_start_point = 3;
  TransMlaOptions queries = merged(8, 24, 2), mixed = merged(4, 20, 4);
  queries.q_lora_rank = 30;
  mixed.layers = {1, 3};
  return {mha2mla("mha2mla_joint", partial(8, 8), {32, 32, 32, 32}),
          mha2mla("mha2mla_split", split, {20, 20, 20, 20}),
          mha2mla("mha2mla_hybrid", some, {64, 26, 26, 64}),
          mha2mla("mha2mla_uniform", uniform, {24, 24, 24, 24}),
          mha2mla("mha2mla_norm", partial(6, 8, "2-norm"), {28, 28, 28, 28}),
          mha2mla("mha2mla_all_turn", partial(16, 7), {46, 46, 46, 46}),
          mha2mla("mha2mla_window", partial(8, 8), {32, 32, 32, 32}, "mistral"),
          transmla("transmla", merged(8, 24, 2), {32, 32, 32, 32}),
          transmla("transmla_queries", queries, {32, 32, 32, 32}),
          transmla("transmla_hybrid", mixed, {64, 24, 64, 24}),
          transmla("transmla_auto", merged(8, 16, std::nullopt), {24, 24, 24, 24}),
          transmla("transmla_window", merged(16, 24), {40, 40, 40, 40}, "mistral")};
}

class Baselines : public ::testing::TestWithParam<Variant> {
 protected:
  Baselines() {
    model = base_model(2, {{"num_hidden_layers", 4}, {"rope_theta", 100.0}}, GetParam().architecture);
    GetParam().apply(model);
  }
  bool has_window() const { return std::string(GetParam().architecture) == "mistral"; }
  std::shared_ptr<Decoder> model;
};
INSTANTIATE_TEST_SUITE_P(All, Baselines, ::testing::ValuesIn(variants()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(Baselines, DecodingTokenByTokenEqualsTheWholeSequence) {
  expect_cached_is_uncached(*model);
}

TEST_P(Baselines, RaggedRowsEqualTheRowsAlone) {
  expect_ragged_rows_are_rows(*model);
}

TEST_P(Baselines, GreedyDecodingWithLengthsOnTheDeviceEqualsTheModelWithoutACache) {
  expect_greedy_is_uncached(*model, has_window());
}

TEST_P(Baselines, GradientsAreTheSlopes) {
  expect_slopes(*model, {GetParam().part});
}

TEST_P(Baselines, TheCacheHoldsWhatTheFormulaSays) {
  int64_t numbers = 0;
  for (const int64_t layer : GetParam().cached) numbers += layer;
  const auto cache = model->make_cache(2, 8);
  EXPECT_EQ(cache->bytes_per_token(), 8 * numbers);
  states(*model, {.input_ids = tiny_ids(2, 5), .lengths = {5, 2}}, cache.get());
  EXPECT_EQ(cache->bytes(), 7 * 8 * numbers);
}

TEST_P(Baselines, FoldersAreReadAgainBitForBit) {
  const TempFolder folder;
  save_language_model(folder.path(), *model);
  const LoadedLanguageModel again = load_language_model("auto", folder.path(), Json::object(), at::kDouble, 1);
  ASSERT_EQ(again.model->parameters().all().size(), model->parameters().all().size());
  const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 9)};
  EXPECT_TRUE(states(*again.model, inputs).equal(states(*model, inputs)));
  EXPECT_EQ(again.model->checkpoint_config().value("mha2mla", Json()),
            model->checkpoint_config().value("mha2mla", Json()));
  EXPECT_EQ(again.model->checkpoint_files(), model->checkpoint_files());
}

TEST_P(Baselines, AreNotConvertedTwice) {
  EXPECT_ERROR(GetParam().apply(model), ErrorKind::kUsage, "method_does_not_fit");
}

TEST_P(Baselines, LeaveNoHooks) {
  EXPECT_TRUE(model->hooks().empty());
}

TEST(Baselines, WithoutLayersTheModelIsTheSameBitForBit) {
  const auto model = base_model();
  const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 9)};
  const at::Tensor before = states(*model, inputs);
  const Json config = model->checkpoint_config();
  Mha2MlaOptions a = partial(4, 3, "2-norm");
  TransMlaOptions b = merged(8, 8);
  a.layers = b.layers = Json::array();
  EXPECT_FALSE(Mha2MlaMethod(a).traits().needs_calibration);
  EXPECT_FALSE(TransMlaMethod(b).traits().needs_calibration);
  convert_by(model, a, {});
  convert_by(model, b, {});
  EXPECT_TRUE(states(*model, inputs).equal(before));
  EXPECT_EQ(model->checkpoint_config(), config);
  EXPECT_TRUE(model->checkpoint_files().empty());
}

TEST(Baselines, WithoutTextsSayWhichKeyGivesThem) {
  XEcomlaOptions care;
  care.svd_metric = "activation";
  EXPECT_TRUE(XEcomlaMethod(care).traits().needs_calibration);
  EXPECT_ERROR_AT(converted(base_model(), care), ErrorKind::kUsage, "missing_value", "method.calibration.dataset");
  EXPECT_ERROR_AT(convert_by(base_model(), merged(8, 8, 2), {}), ErrorKind::kUsage, "missing_value",
                  "method.calibration.dataset");
  EXPECT_ERROR_AT(convert_by(base_model(), partial(4, 3, "2-norm"), {}), ErrorKind::kUsage, "missing_value",
                  "method.calibration.dataset");
}

TEST(Baselines, MomentsAreThoseOfAllTokens) {
  const auto model = base_model();
  const CalibrationTokens tokens = calibrated().calibration();
  at::Tensor input;
  const auto whole = input_moments(*model, tokens, 100), pieces = input_moments(*model, tokens, 3);
  model->hooks().attach(HookPoint::kKey, 1, [&](const at::Tensor& x, const at::Tensor& y, const Pass&) {
    input = x.flatten(0, 1);
    return y;
  });
  states(*model, {.input_ids = tiny_ids(8, 12, 29)});
  EXPECT_LT(largest_difference(whole.at(1), at::matmul(input.t(), input) / 96.0), 1e-12);
  EXPECT_LT(largest_difference(whole.at(1), pieces.at(1)), 1e-12);
}

// -- MHA2MLA

TEST(Mha2Mla, WhereAllOfTheKeysTurnsAndTheRankIsFullTheModelIsTheBase) {
  for (const char* version : {"high", "low", "uniform", "2-norm"}) {
    const auto model = base_model();
    const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 9)};
    const at::Tensor before = states(*model, inputs);
    convert_by(model, partial(16, 16, version), calibrated());
    EXPECT_LT(largest_difference(states(*model, inputs), before), 1e-10) << version;
  }
}

TEST(Mha2Mla, AtFullRankOnlyPositionsAreLost) {
  for (const char* version : {"high", "low", "uniform", "2-norm"})
    for (const char* svd : {"joint", "split"}) {
      const auto model = base_model();
      const at::Tensor before = states(*model, at_place_0()), turned = states(*model, {.input_ids = tiny_ids(2, 9)});
      Mha2MlaOptions o = partial(8, std::string(svd) == "joint" ? 24 : 8, version);
      o.svd_init_method = svd;
      if (std::string(svd) == "split")  // of values whose rank their latent has
        for (const NamedTensor& p : model->parameters().all())
          if (p.name.ends_with("v_proj.weight"))
            p.value.copy_(at::matmul(p.value.narrow(1, 0, 16), p.value.narrow(0, 0, 16)));
      const at::Tensor base = std::string(svd) == "split" ? states(*model, at_place_0()) : before;
      convert_by(model, o, calibrated());
      EXPECT_LT(largest_difference(states(*model, at_place_0()), base), 1e-10) << version << svd;
      EXPECT_GT(largest_difference(states(*model, {.input_ids = tiny_ids(2, 9)}), turned), 1e-3) << version << svd;
    }
}

// Keys that are zero outside of some pairs lose nothing where these go on turning: they keep their frequencies.
TEST(Mha2Mla, PairsThatTurnAreExactAtEveryPlace) {
  const std::map<std::string, std::vector<int64_t>> pairs = {
      {"high", {0, 1}}, {"low", {6, 7}}, {"uniform", {1, 5}}, {"2-norm", {2, 7}}};
  for (const auto& [version, kept] : pairs) {
    const auto model = base_model(2, {{"rope_theta", 100.0}});
    at::Tensor rows = at::zeros({kHead}, at::kDouble);
    for (const int64_t p : kept) rows[p] = rows[p + 8] = 1;
    for (const NamedTensor& p : model->parameters().all())
      if (p.name.ends_with("k_proj.weight")) p.value.mul_(rows.repeat({2}).unsqueeze(1));
    const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 12)};
    const at::Tensor before = states(*model, inputs);
    Mha2MlaOptions o = partial(4, 16, version);
    o.uniform_start_point = version == "uniform" ? 1 : 0;
    convert_by(model, o, calibrated());
    EXPECT_LT(largest_difference(states(*model, inputs), before), 1e-10) << version;
  }
}

TEST(Mha2Mla, PairsOfTheRules) {
  using ::testing::ElementsAre;
  EXPECT_THAT(rotary_pairs("high", 16, 6, 0), ElementsAre(0, 1, 2));
  EXPECT_THAT(rotary_pairs("low", 16, 6, 0), ElementsAre(5, 6, 7));
  EXPECT_THAT(rotary_pairs("uniform", 16, 4, 1), ElementsAre(1, 5));
  const at::Tensor query = at::tensor({1.0, 2.0, 3.0, 1.0, 1.0, 9.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0}).view({4, 3});
  const at::Tensor key = at::tensor({1.0, 1.0, 1.0, 5.0, 4.0, 1.0}).view({2, 3});
  // Scores of the first key head 2, 3, 12; of the second 5, 8, 1.
  EXPECT_THAT(largest_pairs(query, key, 4), ElementsAre(ElementsAre(1, 2), ElementsAre(0, 1)));
}

TEST(Mha2Mla, TheTruncationErrorIsTheEnergyLeftOut) {
  const auto model = base_model();
  const auto& attention = dynamic_cast<const GroupedAttention&>(*model->layer(1).attention);
  const HeadPairs pairs = {{0, 3}, {1, 7}};
  at::Tensor rows = at::ones({32}, at::kBool);
  for (const int64_t row : {0, 3, 8, 11, 17, 23, 25, 31}) rows[row] = false;
  const at::Tensor still = attention.key().weight.index({rows});
  const at::Tensor both = at::cat({still, attention.value().weight});
  const PartialRopeWeights joint = partial_rope_weights(attention, pairs, 20, true);
  const at::Tensor up = at::cat({joint.up_key, joint.up_value});
  const at::Tensor sigma = std::get<1>(at::linalg_svd(both, false));
  EXPECT_NEAR((at::matmul(up, joint.down_key) - both).square().sum().item<double>(),
              sigma.narrow(0, 20, sigma.size(0) - 20).square().sum().item<double>(), 1e-10);
  // The singular values lie above.
  EXPECT_LT(largest_difference(at::matmul(joint.down_key, joint.down_key.t()), at::eye(20, at::kDouble)), 1e-10);
  const PartialRopeWeights split = partial_rope_weights(attention, pairs, 6, false);
  const at::Tensor keys = std::get<1>(at::linalg_svd(still, false));
  EXPECT_NEAR((at::matmul(split.up_key, split.down_key) - still).square().sum().item<double>(),
              keys.narrow(0, 6, keys.size(0) - 6).square().sum().item<double>(), 1e-10);
}

TEST(Mha2Mla, WhatDoesNotFitIsRefusedWithItsKey) {
  const auto refused = [](const char* key, const Mha2MlaOptions& options) {
    EXPECT_ERROR_AT(convert_by(base_model(), options, calibrated()), ErrorKind::kUsage, "bad_value",
                    cat("method.", key));
  };
  refused("rope_dim_for_mla", partial(18, 4));
  refused("rope_dim_for_mla", partial(5, 4));
  refused("rope_dim_for_mla", partial(6, 4, "uniform"));
  refused("low_rank", partial(8, 25));
  Mha2MlaOptions o = partial(8, 9);
  o.svd_init_method = "split";
  refused("low_rank", o);
  o.rope_dim_for_mla = 16;
  refused("svd_init_method", o);
  o = partial(4, 4, "uniform");
  o.uniform_start_point = 4;
  refused("uniform_start_point", o);
  for (const char* other : {"qwen2", "opt"})
    EXPECT_ERROR(convert_by(base_model(2, {}, other), partial(4, 4)), ErrorKind::kUsage, "method_does_not_fit");
}

TEST(Mha2Mla, FoldersThatDoNotFitAreRefused) {
  const auto model = base_model();
  convert_by(model, partial(8, 8, "2-norm"), calibrated());
  const auto read = [&](const std::function<void(Json&)>& change) {
    const TempFolder folder;
    Json json = model->checkpoint_config();
    change(json["mha2mla"]);
    model->set_checkpoint_config(std::move(json));
    save_language_model(folder.path(), *model);
    return load_language_model("auto", folder.path(), Json::object(), at::kDouble, 1);
  };
  const Json good = model->checkpoint_config();
  const auto refused = [&](const char* code, const std::function<void(Json&)>& change) {
    EXPECT_ERROR_AT(read(change), ErrorKind::kBadData, code, "config.json");
    model->set_checkpoint_config(good);
  };
  refused("bad_config", [](Json& j) { j["rope_dim_for_mla"] = 7; });
  refused("bad_config", [](Json& j) { j["rope_dim_for_mla"] = 18; });
  refused("bad_config", [](Json& j) { j["low_rank"] = 0; });
  refused("bad_config", [](Json& j) { j["frugal"]["rope_pairs"]["0"][0] = {1, 2, 3, 8}; });
  refused("bad_config", [](Json& j) { j["frugal"]["rope_pairs"]["0"][0] = {1, 2, 2, 3}; });
  refused("bad_config", [](Json& j) { j["frugal"]["rope_pairs"]["1"] = Json::array(); });
  refused("bad_config", [](Json& j) { j["frugal"]["layers"] = {0, 2}; });
  refused("unsupported_config", [](Json& j) { j.erase("frugal"); });
  refused("unsupported_config", [](Json& j) { j["svd_init_method"] = "only_key"; });
  refused("unsupported_config", [](Json& j) { j["is_gqa2mha2mla"] = true; });
  refused("unsupported_config", [](Json& j) { j["partial_rope_version"] = "none"; });
}

// -- TransMLA

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
