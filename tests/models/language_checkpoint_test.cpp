// Model folders: written, read again, and refused with the reason when something is wrong with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "core/io/file.h"
#include "models/nn/checkpoint.h"
#include "models/nn/tensor_io.h"
#include "tests/models/tiny_llama.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal {
namespace {

namespace fs = std::filesystem;
using testing::tiny_language_model;

LoadedLanguageModel load(const fs::path& folder, at::ScalarType type = at::kDouble) {
  return load_language_model("auto", folder, Json::object(), type, 1);
}

// What load() says when it fails.
std::string complaint(const fs::path& folder) {
  try {
    load(folder);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr int64_t kSmallShards = 4000;  // bytes

class Folder : public ::testing::Test {
 protected:
  void SetUp() override { save_language_model(path(), *tiny_language_model()); }
  fs::path path() const { return folder_.path() / "model"; }
  // Saves again with the tensors changed.
  void change(const std::function<void(std::vector<NamedTensor>&)>& edit, int64_t shard_bytes = 1 << 30) {
    const auto model = tiny_language_model();
    std::vector<NamedTensor> tensors;
    for (const NamedTensor& t : model->parameters().all()) tensors.push_back({t.name, t.value.clone()});
    edit(tensors);
    save_checkpoint(path(), tensors, model->checkpoint_config(), shard_bytes);
  }
  void change_config(const std::function<void(Json&)>& edit) {
    Json config = Json::parse(io::read_file(path() / "config.json"));
    edit(config);
    io::write_atomic(path() / "config.json", config.dump());
  }
  Json index() const { return Json::parse(io::read_file(path() / kIndex)); }
  static at::Tensor& find(std::vector<NamedTensor>& tensors, std::string_view name) {
    for (NamedTensor& t : tensors)
      if (t.name == name) return t.value;
    throw std::runtime_error("no such tensor");
  }

 private:
  test::TempFolder folder_;
};

class RoundTrip : public ::testing::TestWithParam<const char*> {};

TEST_P(RoundTrip, EqualsWhatWasSavedInOneFileAndInShards) {
  const test::TempFolder folder;
  const auto model = tiny_language_model(GetParam());
  for (const int64_t shard_bytes : {int64_t{1} << 30, kSmallShards}) {
    save_language_model(folder.path(), *model, shard_bytes);
    const bool single = shard_bytes != kSmallShards;
    EXPECT_EQ(fs::exists(folder.path() / "model.safetensors"), single) << "of the other layout nothing is left";
    EXPECT_EQ(fs::exists(folder.path() / kIndex), !single);
    const LoadedLanguageModel again = load(folder.path());
    EXPECT_EQ(again.model->architecture(), GetParam());
    ASSERT_EQ(again.model->parameters().all().size(), model->parameters().all().size());
    for (const NamedTensor& t : model->parameters().all())
      EXPECT_TRUE(again.model->parameters().get(t.name).equal(t.value)) << t.name;
    EXPECT_GT(again.files.size(), single ? 1 : 3);
    EXPECT_EQ(again.files.front(), folder.path() / "config.json");
  }
  EXPECT_EQ(Json::parse(io::read_file(folder.path() / "config.json"))["dtype"], "float64");
}
INSTANTIATE_TEST_SUITE_P(All, RoundTrip, ::testing::Values("llama", "mistral", "qwen2", "opt"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(Folder, IsReadInTheTypeAskedFor) {
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const auto model = load(path(), type).model;
    const auto exact = tiny_language_model();
    for (const NamedTensor& t : model->parameters().all())
      EXPECT_TRUE(t.value.equal(exact->parameters().get(t.name).to(type))) << t.name;
  }
}

TEST_F(Folder, AMissingShardIsNamed) {
  change([](auto&) {}, kSmallShards);
  const std::string lost = index()["weight_map"]["model.norm.weight"];
  fs::remove(path() / lost);
  EXPECT_ERROR_AT(load(path()), ErrorKind::kUsage, "file_not_found", lost);
}

TEST_F(Folder, AnIndexThatNamesAbsentTensorsIsRefused) {
  change([](auto&) {}, kSmallShards);
  Json edited = index();
  edited["weight_map"]["model.layers.7.mlp.up_proj.weight"] = edited["weight_map"]["model.norm.weight"];
  io::write_atomic(path() / kIndex, edited.dump());
  EXPECT_ERROR_AT(load(path()), ErrorKind::kBadData, "safetensors_shards", kIndex);
  EXPECT_THAT(complaint(path()), ::testing::HasSubstr("model.layers.7.mlp.up_proj.weight"));
}

TEST_F(Folder, ATensorThatTheIndexPutsElsewhereIsRefused) {
  change([](auto&) {}, kSmallShards);
  Json edited = index();
  edited["weight_map"]["model.norm.weight"] = edited["weight_map"]["model.embed_tokens.weight"];
  io::write_atomic(path() / kIndex, edited.dump());
  EXPECT_ERROR_AT(load(path()), ErrorKind::kBadData, "safetensors_shards", kIndex);
}

TEST_F(Folder, AMissingTensorIsNamedWithItsShape) {
  change([](auto& tensors) {
    std::erase_if(tensors, [](const NamedTensor& t) { return t.name == "model.layers.1.mlp.up_proj.weight"; });
  });
  EXPECT_ERROR_AT(load(path()), ErrorKind::kBadData, "missing_tensor", path().string());
  EXPECT_THAT(complaint(path()), ::testing::HasSubstr("'model.layers.1.mlp.up_proj.weight' [32, 16]"));
}

TEST_F(Folder, AWrongShapeIsNamedWithBothShapes) {
  change([](auto& tensors) { find(tensors, "model.norm.weight") = at::ones({17}); });
  EXPECT_ERROR_AT(load(path()), ErrorKind::kBadData, "wrong_shape", "model.safetensors");
  EXPECT_THAT(complaint(path()), ::testing::HasSubstr("'model.norm.weight' has shape [17], expected [16]"));
}

TEST_F(Folder, AnUnknownTensorIsNamed) {
  change([](auto& tensors) { tensors.push_back({"score.weight", at::ones({2, 16})}); });
  EXPECT_ERROR_AT(load(path()), ErrorKind::kBadData, "unknown_tensor", "model.safetensors");
  EXPECT_THAT(complaint(path()), ::testing::HasSubstr("'score.weight' [2, 16]"));
}

TEST_F(Folder, NotANumberIsNamedWithItsPlace) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    change([&](auto& tensors) { find(tensors, "model.layers.0.self_attn.k_proj.weight")[3][5] = bad; });
    EXPECT_ERROR(load(path()), ErrorKind::kBadData, "not_finite");
    EXPECT_THAT(complaint(path()), ::testing::HasSubstr("k_proj.weight' holds NaN or infinity at [3, 5]"));
  }
}

TEST_F(Folder, NumbersThatDoNotFitTheTypeAreNoDamage) {
  change([](auto& tensors) { find(tensors, "model.norm.weight")[2] = 1e5; });
  EXPECT_NO_THROW(load(path(), at::kBFloat16));
  EXPECT_ERROR(load(path(), at::kHalf), ErrorKind::kBadData, "out_of_range");
}

TEST_F(Folder, ATiedOutputLayerMayBeStored) {
  change([](auto& tensors) { find(tensors, "lm_head.weight").zero_(); });
  change_config([](Json& config) { config["tie_word_embeddings"] = true; });
  const auto model = load(path()).model;
  EXPECT_TRUE(model->head().weight.is_same(model->parameters().get("model.embed_tokens.weight")));
  EXPECT_FALSE(model->parameters().contains("lm_head.weight"));
}

TEST_F(Folder, AnOutputLayerThatIsNotThereIsAnErrorUnlessTheDecoderIsAlone) {
  change([](auto& tensors) {
    std::erase_if(tensors, [](const NamedTensor& t) { return t.name == "lm_head.weight"; });
    for (NamedTensor& t : tensors) t.name = t.name.substr(6);
  });
  EXPECT_ERROR(load(path()), ErrorKind::kBadData, "missing_tensor");
  change_config([](Json& config) { config["architectures"] = {"LlamaModel"}; });
  EXPECT_FALSE(load(path()).model->head().weight.defined());
}

TEST_F(Folder, ConfigsThatAreWrongAreRefusedWithTheKey) {
  const std::tuple<const char*, Json, const char*, const char*> cases[] = {
      {"num_key_value_heads", 3, "bad_config", "num_key_value_heads 3"},
      {"num_attention_heads", 5, "bad_config", "not a multiple"},
      {"hidden_size", "wide", "bad_config", "hidden_size"},
      {"num_hidden_layers", -1, "bad_config", "num_hidden_layers"},
      {"hidden_act", "swish", "bad_config", "hidden_act"},
      {"head_dim", 5, "bad_config", "rotary pairs"},
      {"rope_scaling", {{"rope_type", "longrope"}}, "unsupported_config", "longrope"},
      {"rope_scaling", {{"rope_type", "linear"}}, "bad_config", "factor"},
      {"rope_scaling", 4, "bad_config", "objects"},
      {"rope_parameters", {{"rope_type", "default"}, {"partial_rotary_factor", 0.5}}, "unsupported_config", "partial"},
      {"quantization_config", {{"quant_method", "awq"}}, "unsupported_config", "awq"},
      {"model_type", "gemma", "unknown_architecture", "gemma"},
      {"model_type", "bert", "unknown_architecture", "bert"},
  };
  const std::string good = io::read_file(path() / "config.json");
  for (const auto& [key, value, code, text] : cases) {
    io::write_atomic(path() / "config.json", good);
    change_config([&, key = key, &value = value](Json& config) { config[key] = value; });
    EXPECT_ERROR_AT(load(path()), ErrorKind::kBadData, code, "config.json");
    EXPECT_THAT(complaint(path()), ::testing::HasSubstr(text)) << key;
  }
}

TEST_F(Folder, KeysOfTheConfigMayBeReplaced) {
  const auto model = load_language_model("auto", path(), {{"rms_norm_eps", 0.5}}, at::kDouble, 1).model;
  EXPECT_EQ(model->checkpoint_config()["rms_norm_eps"], 0.5);
  const at::Tensor ids = testing::tiny_ids(1, 4);
  EXPECT_FALSE(model->hidden_states({.input_ids = ids}, nullptr, {})
                   .equal(load(path()).model->hidden_states({.input_ids = ids}, nullptr, {})));
}

TEST(Saving, SaysWhereItCannot) {
  const test::TempFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  EXPECT_ERROR_AT(save_language_model(folder.path() / "file", *tiny_language_model()), ErrorKind::kUsage, "bad_inputs",
                  "file");
}

}  // namespace
}  // namespace frugal
