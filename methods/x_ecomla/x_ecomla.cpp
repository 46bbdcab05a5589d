#include "methods/x_ecomla/x_ecomla.h"

#include "core/log.h"
#include "methods/x_ecomla/convert.h"
#include "methods/x_ecomla/exchange.h"

namespace frugal::x_ecomla {

std::shared_ptr<LanguageModel> XEcomlaMethod::apply(std::shared_ptr<LanguageModel> model,
                                                    const MethodContext& context) {
  const auto decoder = llama_decoder(model, "X-EcoMLA");
  if (!chosen_layers(options_.layers, decoder->config().layers).empty()) {
    const int64_t before = decoder->parameters().count();
    const MlaConfig config = convert(*decoder, options_, context);
    const LlamaConfig base = llama_config(*decoder);
    log::info("x_ecomla: ", config.layers.size(), " of ", base.num_hidden_layers, " layers, cache ",
              100 * cache_share(config, base), " % of the base's, ", decoder->parameters().count(),
              " parameters (base ", before, ")");
  }
  decoder->parameters().set_trainable(
      [&](std::string_view name) { return !options_.freeze_non_mla || name.find(".mla.") != std::string_view::npos; });
  return model;
}

}  // namespace frugal::x_ecomla
