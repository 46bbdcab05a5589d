#include "core/error.h"
#include "core/io/resources.h"
#include "core/text.h"
#include "experiments/forward/language_model_family.h"
#include "experiments/forward/text_encoder_family.h"
#include "models/architecture.h"
#include "models/registry.h"

namespace frugal {
namespace {

constexpr ForwardFamily kFamilies[] = {
    {"text encoders", ModelFamily::kTextEncoder, open_text_encoder},
    {"language models", ModelFamily::kLanguageModel, open_language_model},
};

std::string text_at(const Json& node, const char* key, const char* otherwise) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

}  // namespace

std::unique_ptr<ForwardModel> open_forward_model(const ForwardRequest& request) {
  const std::string path = text_at(request.model, "path", "");
  const std::string architecture =
      architecture_of(text_at(request.model, "architecture", "auto"), path.empty() ? "" : io::model_path(path));
  for (const ForwardFamily& family : kFamilies)
    if (is_of(family.family, architecture)) return family.open(request);
  const std::string known = joined(kFamilies, "; ", [](const ForwardFamily& family) {
    return cat(family.name, " (", architectures_of(family.family), ")");
  });
  throw Error(ErrorKind::kBadData, "unknown_architecture", cat("architecture '", architecture, "' is not one of ours"),
              path, cat("there are: ", known));
}

}  // namespace frugal
