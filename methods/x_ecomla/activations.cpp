#include "methods/x_ecomla/activations.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>

#include <cmath>

#include "core/error.h"
#include "models/language/likelihood.h"

namespace frugal::x_ecomla {
namespace {

// Visits ids [B,T] int64 on the model's device.
void for_batches(const Decoder& model, const CalibrationTokens& tokens, int64_t batch,
                 const std::function<void(const at::Tensor& ids)>& visit) {
  const at::Tensor all = at::from_blob(const_cast<int32_t*>(tokens.ids.data()), {tokens.sequences(), tokens.seq_len},
                                       at::TensorOptions(at::kInt));
  const at::Device device = model.parameters().all().front().value.device();
  for (int64_t first = 0; first < all.size(0); first += batch)
    visit(all.slice(0, first, std::min(first + batch, all.size(0))).to(device, at::kLong));
}

// The model's hooks as they were, whatever happens.
class HookScope {
 public:
  explicit HookScope(Hooks& hooks) : hooks_(hooks), before_(hooks.count()) {}
  ~HookScope() { hooks_.truncate(before_); }
  HookScope(const HookScope&) = delete;
  HookScope& operator=(const HookScope&) = delete;

 private:
  Hooks& hooks_;
  size_t before_;
};

}  // namespace

CalibrationTokens calibration_tokens(const MethodContext& context, const std::string& why) {
  if (!context.calibration) no_calibration(why);
  CalibrationTokens tokens = context.calibration();
  if (tokens.sequences() == 0) no_calibration(why);
  return tokens;
}

void observe(Decoder& model, const CalibrationTokens& tokens, int64_t batch, const Observer& observer) {
  const at::NoGradGuard no_grad;
  const HookScope scope(model.hooks());
  at::Tensor query;
  for (int64_t l = 0; l < model.config().layers; ++l) {
    model.hooks().attach(HookPoint::kQuery, l,
                         [&](const at::Tensor&, const at::Tensor& output, const Pass&) { return query = output; });
    model.hooks().attach(HookPoint::kKey, l, [&, l](const at::Tensor& input, const at::Tensor& output, const Pass&) {
      observer(l, input.flatten(0, 1), query.flatten(0, 1), output.flatten(0, 1));
      return output;
    });
  }
  for_batches(model, tokens, batch,
              [&](const at::Tensor& ids) { model.hidden_states({.input_ids = ids}, nullptr, Pass::evaluation()); });
}

std::map<int64_t, at::Tensor> input_moments(Decoder& model, const CalibrationTokens& tokens, int64_t batch) {
  std::map<int64_t, at::Tensor> sums;
  observe(model, tokens, batch, [&](int64_t layer, const at::Tensor& input, const at::Tensor&, const at::Tensor&) {
    const at::Tensor x = input.to(at::kDouble), moment = at::matmul(x.t(), x);
    at::Tensor& sum = sums[layer];
    sum = sum.defined() ? sum.add_(moment) : moment;
  });
  for (auto& [layer, sum] : sums) sum.div_(static_cast<double>(tokens.ids.size()));
  return sums;
}

double perplexity(Decoder& model, const CalibrationTokens& tokens, int64_t batch) {
  const at::NoGradGuard no_grad;
  if (!model.head().weight.defined() || tokens.seq_len < 2)
    throw Error(ErrorKind::kUsage, "bad_value", "perplexity needs an output layer and sequences of two tokens",
                "method.calibration.seq_len");
  double sum = 0;
  for_batches(model, tokens, batch, [&](const at::Tensor& ids) {
    const at::Tensor states = model.hidden_states({.input_ids = ids}, nullptr, Pass::evaluation());
    const at::Tensor loss = cross_entropy(states.slice(1, 0, -1), ids.slice(1, 1), model.head());
    sum += loss.item<double>() * static_cast<double>(ids.size(0));
  });
  return std::exp(sum / static_cast<double>(tokens.sequences()));
}

}  // namespace frugal::x_ecomla
