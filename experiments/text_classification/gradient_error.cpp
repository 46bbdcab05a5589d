#include "experiments/text_classification/gradient_error.h"

#include <cmath>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace frugal {
namespace {

// "bert.encoder.layer.3.attention..." -> 3.
int64_t layer_of(std::string_view name) {
  const size_t at = name.find("layer.");
  return at == std::string_view::npos ? -1 : std::atoll(name.data() + at + 6);
}

std::vector<at::Tensor> gradients(TextEncoder& model, const Batch& batch, const Pass& pass, Precision precision,
                                  bool regression) {
  const auto trainable = model.parameters().trainable();
  for (const auto& parameter : trainable)
    if (parameter.value.grad().defined()) parameter.value.grad().zero_();
  {
    const PrecisionScope scope(precision, batch.inputs.input_ids.device());
    classification_loss(model.forward(batch.inputs, pass).logits, batch.targets, regression).backward();
  }
  std::vector<at::Tensor> found;
  for (const auto& parameter : trainable) {
    found.push_back(parameter.value.grad().detach().to(at::kDouble, /*non_blocking=*/false, /*copy=*/true));
    parameter.value.grad().zero_();
  }
  return found;
}

}  // namespace

std::map<int64_t, double> gradient_errors(TextEncoder& model, const Batch& batch, const Pass& pass, Precision precision,
                                          bool regression) {
  Pass plain = pass;
  plain.plain_backward = true;
  const auto expected = gradients(model, batch, plain, precision, regression);
  const auto found = gradients(model, batch, pass, precision, regression);
  const auto trainable = model.parameters().trainable();
  std::map<int64_t, std::pair<double, double>> squares;  // layer -> |own - plain|^2, |plain|^2
  for (size_t i = 0; i < found.size(); ++i) {
    auto& [difference, norm] = squares[layer_of(trainable[i].name)];
    difference += (found[i] - expected[i]).square().sum().item<double>();
    norm += expected[i].square().sum().item<double>();
  }
  std::map<int64_t, double> errors;
  for (const auto& [layer, square] : squares)
    errors[layer] = square.second > 0 ? std::sqrt(square.first / square.second) : std::sqrt(square.first);
  return errors;
}

}  // namespace frugal
