#include "models/nn/parameters.h"

#include "core/config/options.h"
#include "core/error.h"

namespace frugal {

at::Tensor ParameterSet::add(std::string name, at::Tensor value) {
  if (!index_.emplace(name, tensors_.size()).second)
    throw Error(ErrorKind::kRunFailed, "duplicate_parameter", cat("parameter '", name, "' is there already"));
  tensors_.push_back({std::move(name), value});
  return value;
}

int64_t ParameterSet::remove(const std::function<bool(std::string_view)>& drop) {
  const auto dropped = std::erase_if(tensors_, [&](const NamedTensor& tensor) { return drop(tensor.name); });
  index_.clear();
  for (size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
  return static_cast<int64_t>(dropped);
}

const at::Tensor& ParameterSet::get(std::string_view name) const {
  if (const auto found = index_.find(std::string(name)); found != index_.end()) return tensors_[found->second].value;
  std::vector<std::string> names;
  for (const auto& tensor : tensors_) names.push_back(tensor.name);
  throw Error(ErrorKind::kRunFailed, "unknown_parameter", cat("the model has no parameter '", name, "'"), {},
              cat("nearest: ", nearest_name(name, names)));
}

bool ParameterSet::contains(std::string_view name) const {
  return index_.contains(std::string(name));
}

int64_t ParameterSet::set_trainable(const std::function<bool(std::string_view)>& trainable) {
  int64_t elements = 0;
  for (auto& [name, value] : tensors_) {
    const bool train = value.is_floating_point() && trainable(name);
    value.set_requires_grad(train);
    if (train) elements += value.numel();
  }
  return elements;
}

std::vector<NamedTensor> ParameterSet::trainable() const {
  std::vector<NamedTensor> out;
  for (const auto& tensor : tensors_)
    if (tensor.value.requires_grad()) out.push_back(tensor);
  return out;
}

int64_t ParameterSet::count() const {
  int64_t elements = 0;
  for (const auto& tensor : tensors_) elements += tensor.value.numel();
  return elements;
}

void ParameterSet::to(at::Device device, at::ScalarType type) {
  for (auto& [name, value] : tensors_) {
    const at::ScalarType target = value.is_floating_point() ? type : value.scalar_type();
    if (value.device() == device && value.scalar_type() == target) continue;
    const at::NoGradGuard no_grad;
    value.set_data(value.detach().to(device, target));
  }
}

}  // namespace frugal
