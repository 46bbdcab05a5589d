#include "models/registry.h"

#include "models/language/config.h"
#include "models/text/bert_config.h"

namespace frugal {
namespace {

template <const auto& Table>
void check(const Json& config, const Locator& where) {
  Table().read(config, "model.config", where);
}

constexpr ArchitectureInfo kArchitectures[] = {
    {"bert", ModelFamily::kTextEncoder, check<bert_config_options>},
    {"llama", ModelFamily::kLanguageModel, check<llama_config_options>},
    {"mistral", ModelFamily::kLanguageModel, check<llama_config_options>},
    {"qwen2", ModelFamily::kLanguageModel, check<llama_config_options>},
    {"opt", ModelFamily::kLanguageModel, check<opt_config_options>},
};

}  // namespace

std::string_view name(ModelFamily family) {
  return family == ModelFamily::kTextEncoder ? "text encoder" : "language model";
}

std::span<const ArchitectureInfo> architecture_infos() {
  return kArchitectures;
}

const ArchitectureInfo* find_architecture(std::string_view architecture) {
  for (const ArchitectureInfo& info : kArchitectures)
    if (info.name == architecture) return &info;
  return nullptr;
}

bool is_of(ModelFamily family, std::string_view architecture) {
  const ArchitectureInfo* info = find_architecture(architecture);
  return info != nullptr && info->family == family;
}

std::string architectures_of(ModelFamily family) {
  std::string names;
  for (const ArchitectureInfo& info : kArchitectures)
    if (info.family == family) names += (names.empty() ? "" : ", ") + std::string(info.name);
  return names;
}

}  // namespace frugal
