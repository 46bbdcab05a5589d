// Lets a Python test drive the optimiser, the clipping and the schedules: one JSON request a line on stdin, one JSON
// answer a line on stdout.
//   {"what":"adamw","form":"hf|torch","type":"fp32|fp64","beta1":..,"beta2":..,"eps":..,"weight_decay":..,
//    "parameters":{name:[...]},"steps":[{"rate":..,"gradients":{name:[...]}}]}   -> [{name:[...]} after each step]
//   {"what":"clip","type":..,"max_norm":..,"gradients":{name:[...]}}             -> {"norm":..,"gradients":{...}}
//   {"what":"schedule","kind":..,"warmup":..,"total":..,"steps":..}              -> [factor, ...]
//   {"what":"warmup_steps","ratio":..,"total":..}                                -> steps
#include <iostream>
#include <nlohmann/json.hpp>

#include "experiments/training/adamw.h"
#include "experiments/training/schedule.h"

namespace {

using namespace frugal;
using Json = nlohmann::ordered_json;

at::ScalarType type_of(const Json& request) {
  return request["type"] == "fp64" ? at::kDouble : at::kFloat;
}

at::Tensor tensor(const Json& values, at::ScalarType type) {
  const auto numbers = values.get<std::vector<double>>();
  at::Tensor out = at::empty({static_cast<int64_t>(numbers.size())}, at::kDouble);
  std::copy(numbers.begin(), numbers.end(), out.mutable_data_ptr<double>());
  return out.to(type);
}

Json values(const at::Tensor& tensor) {
  const at::Tensor wide = tensor.detach().to(at::kDouble).contiguous();
  const double* data = wide.const_data_ptr<double>();
  return std::vector<double>(data, data + wide.numel());
}

std::vector<NamedTensor> parameters(const Json& named, at::ScalarType type) {
  std::vector<NamedTensor> out;
  for (const auto& [name, numbers] : named.items())
    out.push_back({name, tensor(numbers, type).set_requires_grad(true)});
  return out;
}

void set_gradients(const std::vector<NamedTensor>& parameters, const Json& gradients) {
  for (const auto& [name, value] : parameters) value.mutable_grad() = tensor(gradients.at(name), value.scalar_type());
}

Json adamw(const Json& request) {
  const auto all = parameters(request["parameters"], type_of(request));
  AdamW optimizer(all, {.form = request["form"] == "hf" ? AdamWForm::kHuggingFace : AdamWForm::kTorch,
                        .beta1 = request["beta1"],
                        .beta2 = request["beta2"],
                        .eps = request["eps"],
                        .weight_decay = request["weight_decay"]});
  Json after = Json::array();
  for (const Json& step : request["steps"]) {
    optimizer.zero_grad();
    set_gradients(all, step["gradients"]);
    optimizer.step(step["rate"]);
    Json now;
    for (const auto& [name, value] : all) now[name] = values(value);
    after.push_back(std::move(now));
  }
  return after;
}

Json clip(const Json& request) {
  const auto all = parameters(request["gradients"], type_of(request));
  set_gradients(all, request["gradients"]);
  Json answer = {{"norm", clip_gradients(all, request["max_norm"]).item<double>()}, {"gradients", Json::object()}};
  for (const auto& [name, value] : all) answer["gradients"][name] = values(value.grad());
  return answer;
}

Json schedule(const Json& request) {
  const Schedule made{.kind = schedule_named(request["kind"].get<std::string>()),
                      .warmup_steps = request["warmup"],
                      .total_steps = request["total"]};
  Json factors = Json::array();
  for (int64_t step = 0; step < request["steps"].get<int64_t>(); ++step) factors.push_back(made.factor(step));
  return factors;
}

Json answer(const Json& request) {
  const std::string what = request["what"];
  if (what == "adamw") return adamw(request);
  if (what == "clip") return clip(request);
  if (what == "schedule") return schedule(request);
  return warmup_steps(request["ratio"], request["total"]);
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(Json::parse(line)).dump() << '\n';
  return 0;
}
