// MHA2MLA and TransMLA, every variant of both: caches, gradients, folders.
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include "methods/x_ecomla/activations.h"
#include "tests/methods/baselines_support.h"
#include "tests/support/temp_folder.h"

namespace frugal::x_ecomla {
namespace {

using namespace frugal::x_ecomla::testing;
using frugal::test::TempFolder;

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

TEST_P(Baselines, ALongPieceOnACacheEqualsTheWholeSequence) {
  expect_a_long_piece_is_uncached(*model);
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

}  // namespace
}  // namespace frugal::x_ecomla
