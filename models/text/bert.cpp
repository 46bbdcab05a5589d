#include "models/text/bert.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>

#include <cmath>

#include "core/error.h"
#include "core/log.h"
#include "models/nn/dropout.h"

namespace frugal {
namespace {

TextEncoderConfig encoder_config(const BertConfig& c, int64_t labels) {
  return {.layers = c.num_hidden_layers,
          .hidden_size = c.hidden_size,
          .heads = c.num_attention_heads,
          .intermediate_size = c.intermediate_size,
          .vocabulary = c.vocab_size,
          .max_positions = c.max_position_embeddings,
          .token_types = c.type_vocab_size,
          .hidden_dropout = c.hidden_dropout_prob,
          .attention_dropout = c.attention_probs_dropout_prob,
          .classifier_dropout = c.classifier_dropout.value_or(c.hidden_dropout_prob),
          .layer_norm_eps = c.layer_norm_eps,
          .initializer_range = c.initializer_range,
          .activation = c.hidden_act,
          .labels = labels};
}

at::Tensor dropout(const at::Tensor& x, double p, const Pass& pass, DropoutSite site, int64_t layer) {
  return pass.training ? keyed_dropout(x, p, pass.site_key(site, layer)) : x;
}

}  // namespace

Bert::Bert(const BertConfig& c, int64_t labels, Weights& weights)
    : config_(encoder_config(c, labels)), activation_(activation_named(c.hidden_act)) {
  const int64_t d = c.hidden_size;
  weights.set_optional_prefix("bert.");
  const auto table = [&](const std::string& name, int64_t rows) {
    const std::string full = "bert.embeddings." + name + ".weight";
    return parameters().add(full, weights.take(full, {rows, d}, Init::kNormal));
  };
  words_ = table("word_embeddings", c.vocab_size);
  positions_ = table("position_embeddings", c.max_position_embeddings);
  types_ = table("token_type_embeddings", c.type_vocab_size);
  embedding_norm_ = norm(weights, "bert.embeddings.LayerNorm");
  for (int64_t i = 0; i < c.num_hidden_layers; ++i)
    layers_.push_back(load_layer(weights, cat("bert.encoder.layer.", i, ".")));
  if (weights.is_random() || weights.contains("bert.pooler.dense.weight") || labels > 0)
    pooler_ = linear(weights, "bert.pooler.dense", d, d);
  if (labels > 0) classifier_ = linear(weights, "classifier", labels, d);
  weights.finish({"position_ids", "cls.", "classifier."});
}

Linear Bert::linear(Weights& weights, const std::string& name, int64_t out, int64_t in) {
  const bool may_be_new = name == "classifier" || name == "bert.pooler.dense";
  bool is_new = false;
  Linear made;
  if (may_be_new) {
    made.weight = weights.take_or_new(name + ".weight", {out, in}, Init::kNormal, is_new);
    made.bias = weights.take_or_new(name + ".bias", {out}, Init::kZeros, is_new);
    if (is_new && !weights.is_random())
      log::info("new weights: ", name, " [", out, ",", in, "] is not in the checkpoint");
  } else {
    made.weight = weights.take(name + ".weight", {out, in}, Init::kNormal);
    made.bias = weights.take(name + ".bias", {out}, Init::kZeros);
  }
  parameters().add(name + ".weight", made.weight);
  parameters().add(name + ".bias", made.bias);
  return made;
}

LayerNorm Bert::norm(Weights& weights, const std::string& name) {
  return {
      .weight = parameters().add(name + ".weight", weights.take(name + ".weight", {config_.hidden_size}, Init::kOnes)),
      .bias = parameters().add(name + ".bias", weights.take(name + ".bias", {config_.hidden_size}, Init::kZeros)),
      .eps = config_.layer_norm_eps};
}

Bert::Layer Bert::load_layer(Weights& weights, const std::string& prefix) {
  const int64_t d = config_.hidden_size, ff = config_.intermediate_size;
  Layer layer;
  layer.query = linear(weights, prefix + "attention.self.query", d, d);
  layer.key = linear(weights, prefix + "attention.self.key", d, d);
  layer.value = linear(weights, prefix + "attention.self.value", d, d);
  layer.attention_output = linear(weights, prefix + "attention.output.dense", d, d);
  layer.attention_norm = norm(weights, prefix + "attention.output.LayerNorm");
  layer.intermediate = linear(weights, prefix + "intermediate.dense", ff, d);
  layer.output = linear(weights, prefix + "output.dense", d, ff);
  layer.output_norm = norm(weights, prefix + "output.LayerNorm");
  return layer;
}

at::Tensor Bert::embed(const TextInputs& inputs, const Pass& pass) {
  const int64_t length = inputs.input_ids.size(1);
  if (length > config_.max_positions)
    throw Error(ErrorKind::kBadData, "sequence_too_long",
                cat("a sequence has ", length, " tokens, this model takes ", config_.max_positions), "input_ids",
                "set dataset.max_length");
  at::Tensor sum = at::embedding(words_, inputs.input_ids);
  sum = sum + (inputs.token_type_ids.defined() ? at::embedding(types_, inputs.token_type_ids) : types_[0]);
  sum = sum + positions_.slice(0, 0, length);
  const at::Tensor h = dropout(embedding_norm_(sum), config_.hidden_dropout, pass, DropoutSite::kEmbedding, -1);
  return hooks().run(HookPoint::kEmbedding, -1, sum, h, pass);
}

at::Tensor Bert::attention_block(int64_t l, const at::Tensor& h, const at::Tensor& mask, const Pass& pass) {
  const Layer& layer = layers_[static_cast<size_t>(l)];
  const int64_t batch = h.size(0), length = h.size(1), head = config_.hidden_size / config_.heads;
  const auto project = [&](const Linear& linear, HookPoint point) {
    return hooks().run(point, l, h, linear(h), pass).view({batch, length, config_.heads, head}).transpose(1, 2);
  };
  const at::Tensor q = project(layer.query, HookPoint::kQuery);
  const at::Tensor k = project(layer.key, HookPoint::kKey);
  const at::Tensor v = project(layer.value, HookPoint::kValue);
  at::Tensor scores = at::matmul(q, k.transpose(2, 3)) * (1.0 / std::sqrt(static_cast<double>(head)));
  if (mask.defined()) scores = scores + mask;
  const at::Tensor p = dropout(at::softmax(scores, -1), config_.attention_dropout, pass, DropoutSite::kAttention, l);
  const at::Tensor context = at::matmul(p, v).transpose(1, 2).reshape({batch, length, config_.hidden_size});
  at::Tensor a =
      dropout(layer.attention_output(context), config_.hidden_dropout, pass, DropoutSite::kAttentionOutput, l);
  a = hooks().run(HookPoint::kAttention, l, h, a, pass);
  return layer.attention_norm(a + h);
}

at::Tensor Bert::mlp_block(int64_t l, const at::Tensor& h, const Pass& pass) {
  const Layer& layer = layers_[static_cast<size_t>(l)];
  const at::Tensor inner = hooks().run(HookPoint::kIntermediate, l, h, activation_(layer.intermediate(h)), pass);
  at::Tensor f = dropout(layer.output(inner), config_.hidden_dropout, pass, DropoutSite::kMlpOutput, l);
  f = hooks().run(HookPoint::kMlp, l, h, f, pass);
  return layer.output_norm(f + h);
}

at::Tensor Bert::run_layers(const at::Tensor& embedded, const at::Tensor& mask, const Pass& pass) {
  at::Tensor h = embedded;
  for (int64_t l = 0; l < config_.layers; ++l)
    h = hooks().run(HookPoint::kBlock, l, h, mlp_block(l, attention_block(l, h, mask, pass), pass), pass);
  return hooks().run(HookPoint::kOutput, -1, embedded, h, pass);
}

TextOutputs Bert::read_out(const at::Tensor& last_hidden_state, const Pass& pass) {
  TextOutputs out{.last_hidden_state = last_hidden_state, .pooler_output = {}, .logits = {}};
  if (!pooler_.weight.defined()) return out;
  out.pooler_output = at::tanh(pooler_(last_hidden_state.select(1, 0)));
  if (classifier_.weight.defined())
    out.logits = classifier_(dropout(out.pooler_output, config_.classifier_dropout, pass, DropoutSite::kHead, -1));
  return out;
}

}  // namespace frugal
