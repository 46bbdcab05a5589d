#include "models/language/load.h"

#include "core/error.h"
#include "models/architecture.h"
#include "models/language/architectures.h"
#include "models/nn/checkpoint.h"
#include "models/nn/weights.h"
#include "models/registry.h"

namespace frugal {
namespace {

// config.json of random weights: the keys given, and what a reader needs to know of the rest.
Json described(Json json, const std::string& architecture) {
  json["model_type"] = architecture;
  if (json.contains("architectures")) return json;
  const char* const named = architecture == "llama"     ? "LlamaForCausalLM"
                            : architecture == "mistral" ? "MistralForCausalLM"
                            : architecture == "qwen2"   ? "Qwen2ForCausalLM"
                                                        : "OPTForCausalLM";
  json["architectures"] = Json::array({named});
  return json;
}

}  // namespace

bool is_language_model(std::string_view architecture) {
  return is_of(ModelFamily::kLanguageModel, architecture);
}

LoadedLanguageModel load_language_model(const std::string& asked, const std::filesystem::path& path, const Json& config,
                                        at::ScalarType type, uint64_t init_seed) {
  LoadedLanguageModel loaded;
  Json json = Json::object();
  std::string where = "model.config";
  if (!path.empty()) {
    json = read_model_config(path);
    where = model_config_file(path).string();
    loaded.files.emplace_back(where);
  }
  const std::string architecture = architecture_of(asked, path);
  if (!is_language_model(architecture))
    throw Error(ErrorKind::kBadData, "unknown_architecture",
                cat("architecture '", architecture, "' is not a language model of ours"), where,
                cat("there are: ", architectures_of(ModelFamily::kLanguageModel)));
  json.update(config);
  json = described(std::move(json), architecture);
  const auto weights_from = [&](double standard_deviation) {
    return path.empty() ? Weights::random(init_seed, standard_deviation, type)
                        : Weights::from_checkpoint(path, init_seed, standard_deviation, type);
  };
  std::vector<std::filesystem::path> files;
  if (architecture == "opt") {
    const OptConfig opt = parse_opt_config(json, where);
    Weights weights = weights_from(opt.init_std);
    loaded.model = make_opt(opt, json, weights);
    files = weights.files();
  } else {
    const LlamaConfig llama = parse_llama_config(json, architecture, where);
    std::optional<MlaConfig> mla;
    if (!path.empty() && has_mla_config(path)) {
      mla = read_mla_config(path, llama);
      for (const char* file : {kMlaConfigFile, kMlaLayerConfigFile}) loaded.files.push_back(path / file);
    }
    const auto partial_rope = read_partial_rope(json, llama, where);
    if (mla && partial_rope)
      throw Error(ErrorKind::kBadData, "bad_config",
                  cat(kMlaConfigFile, " and '", kPartialRopeKey, "' exclude each other"), where);
    Weights weights = weights_from(llama.initializer_range);
    loaded.model = make_llama(llama, json, weights, mla ? &*mla : nullptr, partial_rope ? &*partial_rope : nullptr);
    files = weights.files();
  }
  for (auto& file : files)
    if (file != where) loaded.files.push_back(std::move(file));
  return loaded;
}

void save_language_model(const std::filesystem::path& folder, const Decoder& model, int64_t shard_bytes) {
  // Those of a former model would describe layers that are not there.
  std::error_code absent;
  for (const char* file : {kMlaConfigFile, kMlaLayerConfigFile})
    if (!model.checkpoint_files().contains(file)) std::filesystem::remove(folder / file, absent);
  save_checkpoint(folder, model.parameters().all(), model.checkpoint_config(), shard_bytes, model.checkpoint_files());
}

}  // namespace frugal
