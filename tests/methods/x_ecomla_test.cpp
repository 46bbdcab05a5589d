// Models that X-EcoMLA converted: what they must equal exactly, their cache, their folders.
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/file.h"
#include "models/language/decode.h"
#include "models/language/likelihood.h"
#include "tests/methods/converted_checks.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::x_ecomla {
namespace {

using namespace frugal::x_ecomla::testing;
using frugal::testing::largest_difference;
using frugal::testing::tiny_ids;
using frugal::testing::tiny_language_model;

// -- the converted model

TEST(XEcomla, WithoutLayersTheModelIsTheSameBitForBit) {
  const auto model = base_model();
  const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 9)};
  const at::Tensor before = states(*model, inputs);
  XEcomlaOptions options;
  options.layers = Json::array();
  const auto same = converted(model, options);
  EXPECT_EQ(same.get(), model.get());
  EXPECT_TRUE(states(*same, inputs).equal(before));
  EXPECT_TRUE(model->checkpoint_files().empty());
}

// Values pass through their own half of the SVD: with equal scores the output is the base's.
TEST(XEcomla, ValuesAreExactAtFullRank) {
  const auto model = base_model();
  for (const NamedTensor& p : model->parameters().all())
    if (p.name.ends_with("q_proj.weight") || p.name.ends_with("k_proj.weight")) p.value.zero_();
  const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 9)};
  const at::Tensor before = states(*model, inputs);
  EXPECT_LT(largest_difference(states(*converted(model, full_ranks()), inputs), before), 1e-11);
}

class Rotations : public ::testing::TestWithParam<const char*> {
 protected:
  XEcomlaOptions options(int64_t kv_heads) const {
    XEcomlaOptions out = full_ranks(kv_heads);
    out.rope_init = GetParam();
    if (out.rotary() != RopeInit::kCode) {
      out.rope_mode = "yarn_code";
      out.r_kv = std::min(kWidth, kv_heads * (kHead / 2 + kHead));
    }
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Rotations, ::testing::Values("code", "pair_high", "pair_low", "pair_2norm", "rorope"),
                         [](const auto& info) { return std::string(info.param); });

// One key head, and every token at place 0: nothing is lost, whichever rows turn.
TEST_P(Rotations, WithOneKeyHeadAndWithoutPositionsTheModelIsTheBase) {
  const auto model = base_model(1);
  const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 9), .positions = at::zeros({2, 9}, at::kLong)};
  const at::Tensor before = states(*model, inputs);
  EXPECT_LT(largest_difference(states(*converted(model, options(1)), inputs), before), 1e-10);
}

// Only what turns has keys: then whole pairs lose nothing at any place. `pairs` of the keys are kept.
void keep_pairs(Decoder& model, const std::vector<int64_t>& pairs) {
  for (const NamedTensor& p : model.parameters().all()) {
    if (!p.name.ends_with("k_proj.weight")) continue;
    at::Tensor rows = at::zeros({kHead}, at::kDouble);
    for (const int64_t pair : pairs) rows[pair] = rows[pair + kHead / 2] = 1;
    p.value.mul_(rows.repeat({p.value.size(0) / kHead}).unsqueeze(1));
  }
}

class WholePairs : public Rotations {};
INSTANTIATE_TEST_SUITE_P(All, WholePairs, ::testing::Values("pair_high", "pair_low", "pair_2norm", "rorope"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(WholePairs, AreExactAtEveryPlace) {
  const std::string init = GetParam();
  for (const int64_t kv_heads : {1, 2}) {
    if (kv_heads == 2 && init != "rorope") continue;  // the mean of two heads is neither
    const auto model = base_model(kv_heads, {{"rope_theta", 100.0}});
    // Four slots: four pairs of one head, or two pairs of two.
    if (kv_heads == 2)
      keep_pairs(*model, {1, 6});
    else if (init == "pair_high")
      keep_pairs(*model, {0, 1, 2, 3});
    else if (init == "pair_low")
      keep_pairs(*model, {4, 5, 6, 7});
    else
      keep_pairs(*model, {0, 3, 4, 6});
    const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 12)};
    const at::Tensor before = states(*model, inputs);
    const auto after = converted(model, options(kv_heads));
    // Angles are fp32: those of the base are the same ones.
    EXPECT_LT(largest_difference(states(*after, inputs), before), 1e-10) << kv_heads;
  }
}

TEST_P(WholePairs, KeysOfLessWidthKeepTheScaleOfTheScores) {
  const std::string init = GetParam();
  const auto model = base_model(1);
  keep_pairs(*model, {init == "pair_low" ? 5 : 0, 7});
  const LanguageModelInputs inputs{.input_ids = tiny_ids(1, 6), .positions = at::zeros({1, 6}, at::kLong)};
  const at::Tensor before = states(*model, inputs);
  XEcomlaOptions narrow = options(1);
  narrow.d_rope = 4;
  narrow.d_nope = 8;
  narrow.r_q = kHeads * 12;
  narrow.r_kv = 8 + kHead;
  EXPECT_LT(largest_difference(states(*converted(model, narrow), inputs), before), 1e-10);
  EXPECT_EQ(latent(*model, 0).scale(), 1 / std::sqrt(12.0));
}

// Every variant of the layer, in hybrids and not.
struct Variant {
  const char* name;
  std::function<void(XEcomlaOptions&)> set;
  const char* architecture = "llama";
};

const Variant kVariants[] = {
    {"fixed", [](XEcomlaOptions&) {}},
    {"norms", [](XEcomlaOptions& o) { o.latent_ln = true; }},
    {"hybrid", [](XEcomlaOptions& o) { o.layers = {1, 2}; }},
    {"dynamic", [](XEcomlaOptions& o) { o.rank_mode = "dynamic", o.delta_kv = 0.8, o.delta_q = 0.7; }},
    {"global", [](XEcomlaOptions& o) { o.rank_mode = "global"; }},
    {"random", [](XEcomlaOptions& o) { o.init = "random"; }},
    {"llama3", [](XEcomlaOptions& o) { o.rope_mode = "llama3"; }},
    {"yarn4096", [](XEcomlaOptions& o) { o.yarn_m = 4096; }},
    {"overlap", [](XEcomlaOptions& o) { o.d_nope = 16, o.d_rope = 16; }},
    {"rorope", [](XEcomlaOptions& o) { o.rope_init = "rorope"; }},
    {"bf16", [](XEcomlaOptions& o) { o.rope_mode = "plain", o.emulate_bf16_bug = true; }},
    {"window", [](XEcomlaOptions& o) { o.layers = {0, 3}; }, "mistral"},
};

std::ostream& operator<<(std::ostream& out, const Variant& variant) {
  return out << variant.name;
}

class Variants : public ::testing::TestWithParam<Variant> {
 protected:
  Variants() {
    XEcomlaOptions options;
    options.r_kv = 16;
    options.r_q = 24;
    GetParam().set(options);
    model = base_model(2,
                       {{"num_hidden_layers", 4},
                        {"rope_theta", 10000.0},
                        {"rope_scaling",
                         {{"rope_type", "llama3"},
                          {"factor", 8.0},
                          {"low_freq_factor", 1.0},
                          {"high_freq_factor", 4.0},
                          {"original_max_position_embeddings", 64}}}},
                       GetParam().architecture);
    for (int64_t l = 0; l < 4; ++l) {  // layers of unlike energies
      parameter(*model, cat(l, ".self_attn.k_proj")).mul_(1 + l);
      parameter(*model, cat(l, ".self_attn.v_proj")).narrow(0, 0, 8).mul_(1 + 9 * l);
    }
    config = convert(*model, options, {.init_seed = 3});
    model->parameters().set_trainable([](std::string_view) { return true; });
  }
  std::shared_ptr<Decoder> model;
  MlaConfig config;
};
INSTANTIATE_TEST_SUITE_P(All, Variants, ::testing::ValuesIn(kVariants),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(Variants, DecodingTokenByTokenEqualsTheWholeSequence) {
  expect_cached_is_uncached(*model);
}

TEST_P(Variants, ALongPieceOnACacheEqualsTheWholeSequence) {
  expect_a_long_piece_is_uncached(*model);
}

TEST_P(Variants, RaggedRowsEqualTheRowsAlone) {
  expect_ragged_rows_are_rows(*model);
}

// One step after the other with lengths beside the tables: what a captured CUDA graph runs.
TEST_P(Variants, GreedyDecodingWithLengthsOnTheDeviceEqualsTheModelWithoutACache) {
  expect_greedy_is_uncached(*model, std::string(GetParam().name) == "window");
}

TEST_P(Variants, TheCacheHoldsWhatTheFormulaSays) {
  const LlamaConfig base = llama_of(*model);
  const auto cache = model->make_cache(2, 8);
  int64_t numbers = 0;
  for (int64_t l = 0; l < 4; ++l) {
    const auto* mla = dynamic_cast<const LatentAttention*>(model->layer(l).attention.get());
    numbers += mla != nullptr ? mla->kv_rank() + mla->spec().rope : 2 * 2 * kHead;
    if (mla == nullptr) continue;
    EXPECT_EQ(mla->kv_rank(), parameter(*model, cat(l, ".mla.kv_b_proj")).size(1));
    EXPECT_EQ(cache->table(l, 0).size(2), parameter(*model, cat(l, ".mla.kv_a_proj_with_mqa")).size(0));
  }
  EXPECT_EQ(cached_numbers(config, base), numbers);
  EXPECT_EQ(cache->bytes_per_token(), 8 * numbers);
  const std::string name = GetParam().name;
  if (name == "dynamic" || name == "global") {
    EXPECT_NE(latent(*model, 0).kv_rank(), latent(*model, 2).kv_rank());
  }
  states(*model, {.input_ids = tiny_ids(2, 5), .lengths = {5, 2}}, cache.get());
  EXPECT_EQ(cache->bytes(), 7 * 8 * numbers);
}

TEST_P(Variants, GradientsOfTheNewProjectionsAreTheSlopes) {
  expect_slopes(*model, {"layers.1.mla", "layers.3.mla"});
}

TEST(XEcomla, DynamicRanksFollowTheEnergyAndTheAuthorsSlip) {
  XEcomlaOptions options;
  options.rank_mode = "dynamic";
  options.r_kv = 40;
  options.r_q = 48;
  options.delta_kv = options.delta_q = 0.5;
  const auto ranks = [&] {
    const auto model = base_model(2, {{"num_hidden_layers", 4}});
    converted(model, options);
    std::vector<int64_t> kv;
    for (int64_t l = 0; l < 4; ++l) kv.push_back(latent(*model, l).kv_rank());
    EXPECT_EQ(parameter(*model, "0.mla.q_a_proj").size(0), options.fix_first_last ? 48 : 16);
    return kv;
  };
  const std::vector<int64_t> with_slip = ranks();
  EXPECT_EQ(with_slip[0], 40);
  EXPECT_LT(with_slip[2], 40);
  EXPECT_EQ(with_slip[3], with_slip[2]);
  options.emulate_rank_bug = false;
  EXPECT_EQ(ranks()[3], 40);
  options.fix_first_last = false;
  EXPECT_LT(ranks()[0], 40);
}

TEST(XEcomla, ParametersMatchTheBaseAndCopiesAreThePublished) {
  const auto model = base_model();
  const int64_t before = model->parameters().count();
  const at::Tensor output = parameter(*model, "1.self_attn.o_proj");
  XEcomlaOptions options;
  options.kv_budget = 0.75;
  const MlaConfig config = convert(*model, options, {.init_seed = 1});
  EXPECT_EQ(config.nominal.kv, 40);
  EXPECT_LE(model->parameters().count(), before);
  EXPECT_GT(model->parameters().count(), before - 2 * 8 * (kWidth + kHeads * kHead));
  EXPECT_TRUE(parameter(*model, "1.mla.out_proj").is_same(output));
  EXPECT_FALSE(model->parameters().contains("model.layers.1.self_attn.q_proj.weight"));
  EXPECT_DOUBLE_EQ(cache_share(config, llama_of(*model)), 0.75);
}

TEST(XEcomla, RandomProjectionsAreThoseOfALinearLayer) {
  XEcomlaOptions options;
  options.init = "random";
  const auto model = base_model();
  const at::Tensor output = parameter(*model, "0.self_attn.o_proj").clone();
  converted(model, options);
  EXPECT_TRUE(parameter(*model, "0.mla.out_proj").equal(output));
  for (const auto& [name, in] : {std::pair{"0.mla.q_a_proj", kWidth}, {"0.mla.kv_a_proj_with_mqa", kWidth}}) {
    const double largest = parameter(*model, name).abs().max().item<double>(), bound = 1 / std::sqrt(double(in));
    EXPECT_LE(largest, bound);
    EXPECT_GT(largest, 0.95 * bound);
  }
}

TEST(XEcomla, FreezingTrainsTheNewAttentionOnly) {
  XEcomlaOptions options;
  options.freeze_non_mla = true;
  const auto model = base_model();
  converted(model, options);
  EXPECT_EQ(model->parameters().trainable().size(), 2U * 5);
  for (const NamedTensor& p : model->parameters().trainable()) EXPECT_NE(p.name.find(".mla."), std::string::npos);
}

TEST(XEcomla, WhatDoesNotFitIsRefusedWithItsKey) {
  const auto refused = [](const char* key, const std::function<void(XEcomlaOptions&)>& set) {
    XEcomlaOptions options;
    set(options);
    EXPECT_ERROR_AT(converted(base_model(), options), ErrorKind::kUsage, "bad_value", key);
  };
  refused("method.r_kv", [](auto& o) { o.r_kv = 20; });
  refused("method.r_kv", [](auto& o) { o.r_kv = 72; });
  refused("method.r_q", [](auto& o) { o.r_q = 72; });
  refused("method.d_rope", [](auto& o) { o.d_rope = 7; });
  refused("method.d_rope", [](auto& o) { o.d_rope = 18; });
  refused("method.d_nope", [](auto& o) { o.d_nope = 17; });
  refused("method.layers", [](auto& o) { o.layers = {0, 2}; });
  refused("method.layers", [](auto& o) { o.layers = {1, 1}; });
  refused("method.layers", [](auto& o) { o.layers = "some"; });
  refused("method.d_nope", [](auto& o) { o.rope_init = "pair_low", o.d_nope = 10; });
  refused("method.rope_mode", [](auto& o) { o.rope_init = "pair_low", o.rope_mode = "plain"; });
  refused("method.rope_init", [](auto& o) { o.rope_init = "pair_low", o.init = "random"; });
  const auto fits = [](const std::shared_ptr<Decoder>& model) { return converted(model, XEcomlaOptions()); };
  EXPECT_ERROR(fits(base_model(2, {}, "qwen2")), ErrorKind::kUsage, "method_does_not_fit");
  EXPECT_ERROR(fits(tiny_language_model("opt")), ErrorKind::kUsage, "method_does_not_fit");
  const auto twice = base_model();
  fits(twice);
  EXPECT_ERROR(fits(twice), ErrorKind::kUsage, "method_does_not_fit");
}

// -- folders

TEST_P(Variants, FoldersAreReadAgainBitForBit) {
  const test::TempFolder folder;
  save_language_model(folder.path(), *model);
  const LoadedLanguageModel again = load_language_model("auto", folder.path(), Json::object(), at::kDouble, 1);
  ASSERT_EQ(again.model->parameters().all().size(), model->parameters().all().size());
  const LanguageModelInputs inputs{.input_ids = tiny_ids(2, 9)};
  EXPECT_TRUE(states(*again.model, inputs).equal(states(*model, inputs)));
  EXPECT_EQ(again.model->checkpoint_files(), model->checkpoint_files());
  EXPECT_EQ(again.model->make_cache(1, 1)->bytes_per_token(), model->make_cache(1, 1)->bytes_per_token());
  for (const char* name : {"config.json", kMlaConfigFile, kMlaLayerConfigFile})
    EXPECT_THAT(again.files, ::testing::Contains(folder.path() / name));
}

TEST_P(Variants, WidthsOfNumbersOnlyRound) {
  const test::TempFolder folder;
  save_language_model(folder.path(), *model);
  const at::Tensor ids = tiny_ids(2, 9);
  const at::Tensor wanted = states(*model, {.input_ids = ids});
  for (const auto& [type, tolerance] : {std::pair{at::kFloat, 1e-5}, {at::kBFloat16, 0.1}}) {
    const auto narrow = load_language_model("auto", folder.path(), Json::object(), type, 1).model;
    const double scale = tolerance * wanted.abs().max().item<double>();
    const at::Tensor whole = states(*narrow, {.input_ids = ids});
    EXPECT_EQ(whole.scalar_type(), type);
    EXPECT_LT(largest_difference(whole.to(at::kDouble), wanted), scale);
    const auto cache = narrow->make_cache(2, 9);
    EXPECT_EQ(cache->bytes_per_token() * 8, model->make_cache(1, 1)->bytes_per_token() * (type == at::kFloat ? 4 : 2));
    states(*narrow, {.input_ids = ids.narrow(1, 0, 6)}, cache.get());
    states(*narrow, {.input_ids = ids.narrow(1, 6, 2)}, cache.get());
    const at::Tensor last = states(*narrow, {.input_ids = ids.narrow(1, 8, 1)}, cache.get());
    EXPECT_LT(largest_difference(last.to(at::kDouble), wanted.narrow(1, 8, 1)), scale);
  }
}

TEST(Folders, SayWhatDiffersFromTheClassThatReadsThem) {
  XEcomlaOptions options;
  options.layers = {1};
  options.r_kv = 16;
  options.r_q = 24;
  const auto model = base_model();
  converted(model, options);
  const Json whole = model->checkpoint_files().at(kMlaConfigFile),
             layer = model->checkpoint_files().at(kMlaLayerConfigFile);
  EXPECT_EQ(whole["attn_layers"], Json({0}));
  EXPECT_EQ(whole["n_layer"], 2);
  EXPECT_EQ(layer["kv_lora_rank"], 16);
  EXPECT_EQ(layer["qk_rope_head_dim"], 8);
  EXPECT_TRUE(layer["q_energy_ratio"].is_null()) << "the class' default is 0.99";
  EXPECT_EQ(layer["layer_rank_list"], Json::parse(R"({"1": {"q_rank": 24, "kv_rank": 16}})"));
  for (const char* absent : {"kv_energy_ratio", "rope_scaling", "rope_theta", "use_lora_layer_norm", "frugal"})
    EXPECT_FALSE(layer.contains(absent)) << absent;
  EXPECT_EQ(model->checkpoint_config()["model_type"], "llama");
}

TEST(Folders, AFormerModelsFilesDoNotStay) {
  const test::TempFolder folder;
  const auto model = base_model();
  converted(model, XEcomlaOptions());
  save_language_model(folder.path(), *model);
  EXPECT_TRUE(has_mla_config(folder.path()));
  save_language_model(folder.path(), *base_model());
  EXPECT_FALSE(has_mla_config(folder.path()));
  EXPECT_NO_THROW(load_language_model("auto", folder.path(), Json::object(), at::kDouble, 1));
}

}  // namespace
}  // namespace frugal::x_ecomla
