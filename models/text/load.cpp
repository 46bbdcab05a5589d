#include "models/text/load.h"

#include <fstream>

#include "core/error.h"
#include "models/nn/weights.h"
#include "models/text/bert.h"

namespace frugal {
namespace {

Json read_config(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in)
    throw Error(ErrorKind::kUsage, "file_not_found", "the model's config.json is missing", file.string(),
                "a folder as Hugging Face stores a model: config.json, model.safetensors, tokenizer.json");
  const Json json = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    throw Error(ErrorKind::kBadData, "bad_config", "config.json is not a JSON object", file.string());
  return json;
}

std::string architecture_of(const Json& json, const std::string& asked, const std::string& where) {
  const auto type = json.find("model_type");
  const std::string found = asked != "auto"                           ? asked
                            : type != json.end() && type->is_string() ? type->get<std::string>()
                                                                      : "";
  if (found == "bert") return found;
  throw Error(
      ErrorKind::kBadData, "unknown_architecture",
      found.empty() ? "config.json has no model_type" : cat("architecture '", found, "' is not a text encoder of ours"),
      where, "there is: bert");
}

}  // namespace

LoadedTextEncoder load_text_encoder(const std::string& architecture, const std::filesystem::path& folder,
                                    const Json& config, int64_t labels, uint64_t init_seed) {
  LoadedTextEncoder loaded;
  Json json = Json::object();
  std::string where = "model.config";
  if (!folder.empty()) {
    where = (folder / "config.json").string();
    json = read_config(where);
    loaded.files.emplace_back(where);
  }
  json.update(config);
  architecture_of(json, folder.empty() && architecture == "auto" ? "bert" : architecture, where);
  const BertConfig bert = parse_bert_config(json, where);
  Weights weights = folder.empty() ? Weights::random(init_seed, bert.initializer_range)
                                   : Weights::from_checkpoint(folder, init_seed, bert.initializer_range);
  loaded.model = std::make_shared<Bert>(bert, labels, weights);
  for (auto& file : weights.files()) loaded.files.push_back(std::move(file));
  return loaded;
}

}  // namespace frugal
