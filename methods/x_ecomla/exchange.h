// Taking a layer's attention out of a model and putting latent attention in its place.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "models/language/decoder.h"
#include "models/language/grouped_attention.h"
#include "models/language/latent_layer.h"

namespace frugal::x_ecomla {

// The model as a decoder of the Llama family. Error(kUsage, "method_does_not_fit") naming `method` for another.
std::shared_ptr<Decoder> llama_decoder(const std::shared_ptr<LanguageModel>& model, const std::string& method);
LlamaConfig llama_config(const Decoder& model);

// The layer's grouped-query attention. Error(kUsage, "method_does_not_fit") for another kind, or one with biases.
const GroupedAttention& grouped(Decoder& model, int64_t layer);

// [r_q,d], [n_h (d_n+d_r), r_q], [r_kv+d_r, d], [n_h (d_n+d_h), r_kv], as checkpoints have them. Without compression of
// queries q_a is undefined and q_b is [n_h (d_n+d_r), d].
struct LatentWeights {
  at::Tensor q_a, q_b, kv_a, kv_b;

  // Of a layer's parameter: "[...].kv_b_proj.weight" is kv_b, ...; the output and what is no matrix is not among them.
  const at::Tensor& of(std::string_view name) const;
};

// Replaces the attention of a layer, grouped-query or latent, and its parameters. `value`: what a parameter of this
// name is.
using Value = std::function<at::Tensor(const std::string& name, at::IntArrayRef shape, Init init)>;
void put_latent_attention(Decoder& model, const LatentLayers& layers, int64_t layer, const Value& value);

}  // namespace frugal::x_ecomla
