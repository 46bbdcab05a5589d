#include "methods/x_ecomla/x_ecomla.h"

#include "core/error.h"
#include "core/log.h"
#include "methods/x_ecomla/convert.h"

namespace frugal::x_ecomla {

std::shared_ptr<LanguageModel> XEcomlaMethod::apply(std::shared_ptr<LanguageModel> model,
                                                    const MethodContext& context) {
  const auto decoder = std::dynamic_pointer_cast<Decoder>(model);
  if (!decoder || decoder->architecture() == "opt")
    throw Error(ErrorKind::kUsage, "method_does_not_fit",
                cat("X-EcoMLA converts models of the Llama family, not ", model->architecture()), "method",
                "llama, mistral; qwen2 has biases that latent attention has no place for");
  if (!chosen_layers(options_.layers, decoder->config().layers).empty()) {
    const int64_t before = decoder->parameters().count();
    const MlaConfig config = convert(*decoder, options_, context.init_seed);
    const LlamaConfig base =
        parse_llama_config(decoder->checkpoint_config(), std::string(decoder->architecture()), "model.config");
    log::info("x_ecomla: ", config.layers.size(), " of ", base.num_hidden_layers, " layers, cache ",
              100 * cache_share(config, base), " % of the base's, ", decoder->parameters().count(),
              " parameters (base ", before, ")");
  }
  decoder->parameters().set_trainable(
      [&](std::string_view name) { return !options_.freeze_non_mla || name.find(".mla.") != std::string_view::npos; });
  return model;
}

}  // namespace frugal::x_ecomla
