#include "models/architecture.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/gguf_model.h"

namespace frugal {

std::filesystem::path model_config_file(const std::filesystem::path& path) {
  return path.extension() == ".gguf" ? path : path / "config.json";
}

Json read_model_config(const std::filesystem::path& path) {
  const std::filesystem::path file = model_config_file(path);
  if (file == path) return Json::parse(io::GgufModel::open(path).config().dump());
  std::ifstream in(file);
  if (!in)
    throw Error(ErrorKind::kUsage, "file_not_found", "the model's config.json is missing", file.string(),
                "a folder as Hugging Face stores a model: config.json, model.safetensors, tokenizer.json");
  Json json = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    throw Error(ErrorKind::kBadData, "bad_config", "config.json is not a JSON object", file.string());
  return json;
}

std::string architecture_in(const Json& config, const std::string& where) {
  for (const char* key : {"model_type", "_class_name"})
    if (const auto found = config.find(key); found != config.end() && found->is_string())
      return found->get<std::string>();
  throw Error(ErrorKind::kBadData, "unknown_architecture", "config.json has neither model_type nor _class_name", where,
              "set model.architecture");
}

std::string architecture_of(const std::string& asked, const std::filesystem::path& path) {
  if (asked != "auto") return asked;
  if (path.empty())
    throw Error(ErrorKind::kUsage, "missing_value", "nothing says which architecture the model has", "model.path",
                "model.path=DIR, or model.architecture=bert for random weights");
  return architecture_in(read_model_config(path), model_config_file(path).string());
}

}  // namespace frugal
