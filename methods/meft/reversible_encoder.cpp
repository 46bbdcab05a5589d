#include "methods/meft/reversible_encoder.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>

#include <algorithm>

#include "core/error.h"
#include "models/nn/weights.h"

namespace frugal::meft {

ReversibleEncoder::ReversibleEncoder(std::shared_ptr<TextEncoder> base, const MeftOptions& options, uint64_t init_seed)
    : TextEncoder(*base), base_(std::move(base)), options_(options), plan_(layer_plan(options, config().layers)) {
  check(options, config().layers);
  const size_t adapters_begin = parameters().all().size();
  for (int64_t l = 0; l < config().layers; ++l)
    if (plan_[static_cast<size_t>(l)] != LayerMode::kFrozen) add_adapters(l, init_seed);
  if (options.read_out() == Readout::kConcat) {
    const std::string name = "bert.encoder.concat_layer.weight";
    const int64_t d = config().hidden_size;
    concat_weight_ =
        add_parameter(*this, name, new_parameter(name, {d, 2 * d}, Init::kNormal, options.adapter_init, init_seed));
  }
  std::vector<std::string> added;
  for (size_t i = adapters_begin; i < parameters().all().size(); ++i) added.push_back(parameters().all()[i].name);
  parameters().set_trainable([&](std::string_view name) {
    return name.starts_with("classifier") || std::find(added.begin(), added.end(), name) != added.end();
  });
}

void ReversibleEncoder::add_adapters(int64_t l, uint64_t seed) {
  const std::string prefix = cat("bert.encoder.layer.", l, ".");
  BottleneckOptions bottleneck{
      .dim = options_.adapter_dim, .init = options_.adapter_init, .dropout = config().hidden_dropout};
  LayerAdapters made;
  const size_t begin = parameters().all().size();
  made.ffn = std::make_shared<Bottleneck>(*this, prefix + "ffn_adapter", l, bottleneck, seed);
  hooks().attach(HookPoint::kMlp, l, [ffn = made.ffn](const at::Tensor& in, const at::Tensor& out, const Pass& pass) {
    return out + (*ffn)(in, pass);  // parallel to both matrices of the MLP
  });
  if (options_.which() == Variant::kMeft3) {
    bottleneck.site = DropoutSite::kAttentionAdapter;
    made.attention = std::make_shared<Bottleneck>(*this, prefix + "attention.output.attn_adapter", l, bottleneck, seed);
    hooks().attach(HookPoint::kAttention, l,
                   [a = made.attention](const at::Tensor&, const at::Tensor& out, const Pass& pass) {
                     return out + (*a)(out, pass);  // sequential, with a skip, after dropout
                   });
  } else {
    bottleneck.site = DropoutSite::kReversibleAdapter;
    bottleneck.layer_norm = options_.layernorm_in_adapter;
    made.reversible = std::make_shared<Bottleneck>(*this, prefix + "rev_adapter", l, bottleneck, seed);
  }
  for (size_t i = begin; i < parameters().all().size(); ++i) made.parameters.push_back(parameters().all()[i].value);
  adapters_[l] = std::move(made);
}

double ReversibleEncoder::annealed(double factor, const Pass& pass) const {
  if (!options_.anneal_to || factor >= *options_.anneal_to) return factor;
  return factor + (*options_.anneal_to - factor) * std::min(1.0, pass.progress / options_.anneal_until);
}

Coupling ReversibleEncoder::coupling(int64_t l, const at::Tensor& mask, const Pass& pass) const {
  const LayerAdapters& adapters = adapters_.at(l);
  TextEncoder* base = base_.get();
  const at::ScalarType compute = parameters().all().front().value.scalar_type();
  // The streams may be wider than the type that the layers compute in.
  const auto typed = [compute](Function function) -> Function {
    return [function = std::move(function), compute](const at::Tensor& h) {
      return function(h.to(compute)).to(h.scalar_type());
    };
  };
  const Function attention = typed([=](const at::Tensor& h) { return base->attention_block(l, h, mask, pass); });
  const Function mlp = typed([=](const at::Tensor& h) { return base->mlp_block(l, h, pass); });
  const Function layer =
      typed([=](const at::Tensor& h) { return base->mlp_block(l, base->attention_block(l, h, mask, pass), pass); });
  const Function adapter = typed([a = adapters.reversible, pass](const at::Tensor& h) { return (*a)(h, pass); });
  Coupling made{.f = {},
                .g = {},
                .lambda = annealed(options_.lambda_value(), pass),
                .beta = annealed(options_.beta_value(), pass),
                .swap = options_.switch_streams && options_.which() != Variant::kMeft3,
                .parameters = adapters.parameters};
  switch (options_.which()) {
    case Variant::kMeft1:
      made.f = layer;
      made.g = adapter;
      break;
    case Variant::kMeft2:
      made.f = adapter;
      made.g = layer;
      break;
    case Variant::kMeft3:
      made.f = attention;
      made.g = mlp;
      break;
  }
  return made;
}

Streams ReversibleEncoder::run_segment(size_t begin, size_t end, const Streams& in, const at::Tensor& mask,
                                       const Pass& pass) {
  const auto segment = std::make_shared<Segment>();
  for (size_t l = begin; l < end; ++l) segment->layers.push_back(coupling(static_cast<int64_t>(l), mask, pass));
  segment->exactness = options_.exact();
  segment->anchor_every = options_.anchor_interval();
  segment->fixed_point_bits = options_.fixed_point_bits;
  if (pass.training && options_.residual_every > 0 && pass.step % options_.residual_every == 0)
    segment->recovered = [known = in.h1.detach(), residual = residual_](const Streams& h) {
      *residual = ((h.h1 - known).norm() / known.norm()).item<double>();
    };
  return run(segment, in);
}

Streams ReversibleEncoder::run_streams(const at::Tensor& embedded, const at::Tensor& mask, const Pass& pass) {
  at::Tensor h = embedded;
  size_t l = 0;
  {
    const at::NoGradGuard frozen;  // nothing below trains
    for (; l < plan_.size() && plan_[l] == LayerMode::kFrozen; ++l) {
      const auto layer = static_cast<int64_t>(l);
      h = mlp_block(layer, attention_block(layer, h, mask, pass), pass);
    }
  }
  const at::ScalarType stream =
      options_.stream_dtype == "fp64" || h.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  Streams streams = {h.to(stream), h.to(stream)};
  while (l < plan_.size()) {
    size_t end = l;
    while (end < plan_.size() && plan_[end] == plan_[l]) ++end;
    if (plan_[l] == LayerMode::kReversible && at::GradMode::is_enabled() && !pass.plain_backward) {
      streams = run_segment(l, end, streams, mask, pass);
    } else {
      for (size_t i = l; i < end; ++i) streams = meft::forward(coupling(static_cast<int64_t>(i), mask, pass), streams);
    }
    l = end;
  }
  return streams;
}

at::Tensor ReversibleEncoder::join(const Streams& s) const {
  const bool main_is_first = options_.which() == Variant::kMeft2;
  const at::Tensor& main = main_is_first ? s.h1 : s.h2;
  const at::Tensor& side = main_is_first ? s.h2 : s.h1;
  switch (options_.read_out()) {
    case Readout::kMean:
      return (s.h1 + s.h2) / 2;
    case Readout::kMain:
      return main;
    case Readout::kMainPlusScaled:
      return main + options_.sum_scale * side;
    case Readout::kConcat:
      return at::linear(at::cat({s.h1, s.h2}, -1).to(concat_weight_.scalar_type()), concat_weight_);
  }
  return main;
}

at::Tensor ReversibleEncoder::run_layers(const at::Tensor& embedded, const at::Tensor& mask, const Pass& pass) {
  const at::Tensor joined = join(run_streams(embedded, mask, pass)).to(embedded.scalar_type());
  return hooks().run(HookPoint::kOutput, -1, embedded, joined, pass);
}

std::vector<std::pair<std::string, double>> ReversibleEncoder::diagnostics() {
  if (!*residual_) return {};
  const double value = **residual_;
  residual_->reset();
  return {{"reconstruction_error", value}};
}

}  // namespace frugal::meft
