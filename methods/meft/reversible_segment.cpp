#include "methods/meft/reversible_segment.h"

#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include "core/error.h"
#include "methods/meft/fixed_point.h"
#include "models/nn/autocast_state.h"

namespace frugal::meft {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What forward leaves for backward beside the saved tensors.
struct Context : torch::CustomClassHolder {
  Context(std::shared_ptr<const Segment> s, const at::Tensor& h)
      : segment(std::move(s)), autocast(h.device().type()), type(h.scalar_type()) {}
  std::shared_ptr<const Segment> segment;
  AutocastState autocast;
  at::ScalarType type;  // of the streams
};

bool is_anchor(const Segment& segment, size_t layer) {
  return segment.exactness == Exactness::kAnchors && layer > 0 &&
         layer % static_cast<size_t>(segment.anchor_every) == 0;
}

Streams forward_float(const Segment& segment, Streams h, variable_list& saved) {
  for (size_t i = 0; i < segment.layers.size(); ++i) {
    if (is_anchor(segment, i)) saved.insert(saved.end(), {h.h1, h.h2});
    h = forward(segment.layers[i], h);
  }
  saved.insert(saved.begin(), {h.h1, h.h2});
  return h;
}

Streams forward_fixed(const Segment& segment, const Streams& in, variable_list& saved) {
  const int64_t bits = segment.fixed_point_bits;
  FixedStreams h = {to_fixed(in.h1, bits), to_fixed(in.h2, bits)};
  at::Tensor overflow = at::zeros({}, h.h1.options().dtype(at::kBool));
  for (const Coupling& layer : segment.layers) {
    FixedSaved remainders;
    h = forward(layer, h, bits, in.h1.scalar_type(), remainders, overflow);
    saved.insert(saved.end(), {remainders.h1.packed, remainders.h2.packed});
  }
  if (overflow.item<bool>())
    throw Error(ErrorKind::kRunFailed, "fixed_point_overflow",
                cat("a stream left the range of ", bits, "-bit fixed point (|h| < ", 1 << (30 - bits), ")"),
                "method.fixed_point_bits", "take fewer fraction bits, or method.exactness=anchors");
  saved.insert(saved.begin(), {h.h1, h.h2});
  return {from_fixed(h.h1, bits, in.h1.scalar_type()), from_fixed(h.h2, bits, in.h1.scalar_type())};
}

// Walks the layers from the top; gives the gradients of the input streams and, by the way, of the parameters.
class Backward {
 public:
  Backward(const Context& context, const variable_list& saved) : context_(context), saved_(saved) {}

  Streams run(Streams d, std::vector<std::vector<at::Tensor>>& d_parameters) {
    const Segment& segment = *context_.segment;
    d_parameters.resize(segment.layers.size());
    return segment.exactness == Exactness::kFixedPoint ? fixed(segment, d, d_parameters)
                                                       : floating(segment, d, d_parameters);
  }

 private:
  Streams floating(const Segment& segment, Streams d, std::vector<std::vector<at::Tensor>>& d_parameters) {
    Streams h = {saved_[0], saved_[1]};
    size_t anchor = saved_.size();
    for (size_t i = segment.layers.size(); i-- > 0;) {
      Inverted step = invert(segment.layers[i], h, d);
      d_parameters[i] = std::move(step.d_parameters);
      d = step.d_in;
      h = step.in;
      if (!is_anchor(segment, i)) continue;
      anchor -= 2;
      h = {saved_[anchor], saved_[anchor + 1]};
    }
    if (segment.recovered) segment.recovered(h);
    return d;
  }

  Streams fixed(const Segment& segment, Streams d, std::vector<std::vector<at::Tensor>>& d_parameters) {
    const int64_t bits = segment.fixed_point_bits;
    FixedStreams h = {saved_[0], saved_[1]};
    for (size_t i = segment.layers.size(); i-- > 0;) {
      const FixedSaved remainders = {.h1 = {saved_[2 + 2 * i]}, .h2 = {saved_[3 + 2 * i]}};
      FixedInverted step = invert(segment.layers[i], h, d, remainders, bits, context_.type);
      d_parameters[i] = std::move(step.d_parameters);
      d = step.d_in;
      h = step.in;
    }
    if (segment.recovered)
      segment.recovered({from_fixed(h.h1, bits, context_.type), from_fixed(h.h2, bits, context_.type)});
    return d;
  }

  const Context& context_;
  const variable_list& saved_;
};

class SegmentFunction : public torch::autograd::Function<SegmentFunction> {
 public:
  // parameters: those of all layers, in order; listed so that autograd knows whom the gradients belong to.
  static variable_list forward(AutogradContext* ctx, const at::Tensor& h1, const at::Tensor& h2,
                               const std::shared_ptr<const Segment>& segment, at::TensorList /*parameters*/) {
    variable_list saved;
    const Streams out = segment->exactness == Exactness::kFixedPoint ? forward_fixed(*segment, {h1, h2}, saved)
                                                                     : forward_float(*segment, {h1, h2}, saved);
    ctx->save_for_backward(std::move(saved));
    ctx->saved_data["context"] = at::IValue::make_capsule(c10::make_intrusive<Context>(segment, h1));
    return {out.h1, out.h2};
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto capsule = ctx->saved_data["context"].toCapsule();
    const Context& context = static_cast<const Context&>(*capsule);
    // Computed again under forward's precision policy, or rounding differences grow by 1/lambda a layer (spec 2.6).
    const AutocastScope autocast(context.autocast);
    const variable_list saved = ctx->get_saved_variables();
    for (at::Tensor& gradient : gradients)
      if (!gradient.defined()) gradient = at::zeros(saved[0].sizes(), saved[0].options().dtype(context.type));
    std::vector<std::vector<at::Tensor>> d_parameters;
    const Streams d = Backward(context, saved).run({gradients[0], gradients[1]}, d_parameters);
    variable_list result = {d.h1, d.h2, at::Tensor()};
    for (auto& of_layer : d_parameters) result.insert(result.end(), of_layer.begin(), of_layer.end());
    return result;
  }
};

}  // namespace

Streams run(std::shared_ptr<const Segment> segment, const Streams& in) {
  std::vector<at::Tensor> parameters;
  for (const Coupling& layer : segment->layers)
    parameters.insert(parameters.end(), layer.parameters.begin(), layer.parameters.end());
  const auto out = SegmentFunction::apply(in.h1, in.h2, segment, at::TensorList(parameters));
  return {out[0], out[1]};
}

}  // namespace frugal::meft
