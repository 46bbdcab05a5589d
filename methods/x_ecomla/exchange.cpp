#include "methods/x_ecomla/exchange.h"

#include "core/error.h"

namespace frugal::x_ecomla {

std::shared_ptr<Decoder> llama_decoder(const std::shared_ptr<LanguageModel>& model, const std::string& method) {
  auto decoder = std::dynamic_pointer_cast<Decoder>(model);
  if (!decoder || decoder->architecture() == "opt")
    throw Error(ErrorKind::kUsage, "method_does_not_fit",
                cat(method, " converts models of the Llama family, not ", model->architecture()), "method",
                "llama, mistral; qwen2 has biases that the converted attention has no place for");
  return decoder;
}

LlamaConfig llama_config(const Decoder& model) {
  return parse_llama_config(model.checkpoint_config(), std::string(model.architecture()), "model.config");
}

const GroupedAttention& grouped(Decoder& model, int64_t layer) {
  const auto* attention = dynamic_cast<const GroupedAttention*>(model.layer(layer).attention.get());
  const auto refuse = [&](const char* why) {
    throw Error(ErrorKind::kUsage, "method_does_not_fit", cat("layer ", layer, " ", why), "method.layers",
                "what is converted is grouped-query attention without biases (Llama, Mistral, SmolLM)");
  };
  if (attention == nullptr) refuse("has attention of another kind; was it converted before?");
  for (const Linear* linear : {&attention->query(), &attention->key(), &attention->value(), &attention->output()})
    if (linear->bias.defined()) refuse("has biases in its attention");
  return *attention;
}

const at::Tensor& LatentWeights::of(std::string_view name) const {
  if (name.ends_with(".q_a_proj.weight")) return q_a;
  if (name.ends_with(".q_b_proj.weight") || name.ends_with(".q_proj.weight")) return q_b;
  if (name.ends_with(".kv_a_proj_with_mqa.weight")) return kv_a;
  if (name.ends_with(".kv_b_proj.weight")) return kv_b;
  throw Error(ErrorKind::kRunFailed, "unknown_parameter", cat("no projection of latent attention is '", name, "'"));
}

void put_latent_attention(Decoder& model, const LatentLayers& layers, int64_t layer, const Value& value) {
  const std::string former = cat("model.layers.", layer, ".self_attn."), latent = mla_prefix(layer);
  model.parameters().remove(
      [&](std::string_view name) { return name.starts_with(former) || name.starts_with(latent); });
  model.layer(layer).attention = layers.make(layer, [&](const std::string& name, at::IntArrayRef shape, Init init) {
    return model.parameters().add(name, value(name, shape, init));
  });
}

}  // namespace frugal::x_ecomla
