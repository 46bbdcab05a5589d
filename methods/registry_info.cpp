#include "core/config/did_you_mean.h"
#include "core/error.h"
#include "methods/common/peft_options.h"
#include "methods/meft/options.h"
#include "methods/registry.h"
#include "methods/x_ecomla/baselines/options.h"
#include "methods/x_ecomla/options.h"

namespace frugal {
namespace {

template <const auto& Table>
constexpr MethodInfo info(std::string_view name, std::string_view families, std::string_view summary) {
  return {name, families, summary, []() -> const std::vector<OptionInfo>& { return Table().infos(); },
          [](const Json& node, const Locator& where) { Table().read(node, "method", where); }};
}

constexpr MethodInfo kMethods[] = {
    info<peft_options>("peft", "text encoders",
                       "full fine-tuning, BitFit, LoRA, adapters, (IA)3; with or without gradient checkpointing"),
    info<meft::meft_options>("meft", "text encoders", "reversible fine-tuning MEFT1, MEFT2, MEFT3 (arXiv 2306.00477)"),
    info<x_ecomla::x_ecomla_options>("x_ecomla", "language models",
                                     "attention into multi-head latent attention by SVD (arXiv 2503.11132)"),
    info<x_ecomla::kv_quant_options>("kv_quant", "language models", "keys and values as integers of 8 or 4 bits"),
    info<x_ecomla::mha2mla_options>("mha2mla", "language models",
                                    "part of the keys turns, the rest and values from a latent (arXiv 2502.14837)"),
    info<x_ecomla::transmla_options>("transmla", "language models",
                                     "latent attention by principal components of activations (arXiv 2502.07864)"),
};

}  // namespace

std::span<const MethodInfo> method_infos() {
  return kMethods;
}

const MethodInfo& method_info(const Json& node, const Locator& where) {
  const std::string name =
      node.is_object() && node.contains("name") && node["name"].is_string() ? node["name"].get<std::string>() : "";
  std::vector<std::string> names;
  for (const MethodInfo& method : kMethods) {
    if (method.name == name) return method;
    names.emplace_back(method.name);
  }
  throw Error(ErrorKind::kUsage, "unknown_method", cat("there is no method '", name, "'"),
              where ? where("method.name") : "", did_you_mean(name, names, "frugal list methods"));
}

}  // namespace frugal
