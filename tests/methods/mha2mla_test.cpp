// MHA2MLA: what a converted model must equal exactly, and what is lost.
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/methods/baselines_support.h"
#include "tests/support/temp_folder.h"

namespace frugal::x_ecomla {
namespace {

using namespace frugal::x_ecomla::testing;
using frugal::test::TempFolder;

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

}  // namespace
}  // namespace frugal::x_ecomla
