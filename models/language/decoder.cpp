#include "models/language/decoder.h"

#include <ATen/ops/embedding.h>

#include <algorithm>

#include "core/error.h"
#include "models/nn/dropout.h"

namespace frugal {

Decoder::Decoder(const std::function<DecoderParts(ParameterSet&)>& fill) : parts_(fill(parameters())) {}

std::unique_ptr<KvCache> Decoder::make_cache(int64_t sequences, int64_t capacity) const {
  if (sequences < 1 || capacity < 1)
    throw Error(ErrorKind::kUsage, "bad_inputs",
                cat("a cache of ", sequences, " sequences of ", capacity, " tokens; both must be at least 1"));
  std::vector<std::vector<CacheSlot>> slots;
  for (const DecoderLayer& layer : parts_.layers) slots.push_back(layer.attention->cache_slots());
  return std::make_unique<KvCache>(std::move(slots), sequences, capacity, parts_.words.device());
}

at::Tensor Decoder::embed(const at::Tensor& input_ids) {
  return at::embedding(parts_.words, input_ids);
}

at::Tensor Decoder::hidden_states(const LanguageModelInputs& inputs, KvCache* cache, const Pass& pass) {
  if (inputs.input_ids.defined() == inputs.inputs_embeds.defined())
    throw Error(ErrorKind::kUsage, "bad_inputs", "give input_ids or inputs_embeds, one of them");
  const at::Tensor words = inputs.inputs_embeds.defined() ? inputs.inputs_embeds : embed(inputs.input_ids);
  TokenContext context(inputs, words.size(0), words.size(1), words.device(), cache, pass, hooks());
  const at::Tensor wide = parts_.project_in.weight.defined() ? parts_.project_in(words) : words;
  const at::Tensor embedded = hooks().run(HookPoint::kEmbedding, -1, words, add_positions(wide, context), pass);
  at::Tensor h = embedded;
  for (int64_t l = 0; l < parts_.config.layers; ++l)
    h = hooks().run(HookPoint::kBlock, l, h, run_layer(l, h, context), pass);
  context.commit();
  if (parts_.final_norm) h = parts_.final_norm(h);
  if (parts_.project_out.weight.defined()) h = parts_.project_out(h);
  return hooks().run(HookPoint::kOutput, -1, embedded, h, pass);
}

at::Tensor Decoder::add_positions(const at::Tensor& h, const TokenContext& context) const {
  if (!parts_.learned_positions.defined()) return h;
  context.check_positions(parts_.config.max_positions);
  // Padding on the right may stand beyond the table; nobody reads what comes of it.
  const at::Tensor rows = context.visible_positions() + parts_.position_offset;
  return h + at::embedding(parts_.learned_positions, rows.clamp_max(parts_.learned_positions.size(0) - 1));
}

at::Tensor Decoder::dropped(const at::Tensor& x, DropoutSite site, int64_t layer, const Pass& pass) const {
  return pass.training ? keyed_dropout(x, parts_.dropout, pass.site_key(site, layer)) : x;
}

at::Tensor Decoder::run_layer(int64_t l, const at::Tensor& h, TokenContext& context) {
  DecoderLayer& layer = parts_.layers[static_cast<size_t>(l)];
  const Pass& pass = context.pass();
  const bool first = parts_.norm_first;
  const at::Tensor x = first ? layer.attention_norm(h) : h;
  at::Tensor a = dropped(layer.attention->forward(x, context), DropoutSite::kAttentionOutput, l, pass);
  a = h + hooks().run(HookPoint::kAttention, l, x, a, pass);
  if (!first) a = layer.attention_norm(a);
  const at::Tensor y = first ? layer.mlp_norm(a) : a;
  at::Tensor m = dropped(layer.mlp->forward(y, l, context), DropoutSite::kMlpOutput, l, pass);
  m = a + hooks().run(HookPoint::kMlp, l, y, m, pass);
  return first ? m : layer.mlp_norm(m);
}

}  // namespace frugal
