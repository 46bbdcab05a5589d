// The tensors of a model by checkpoint name, in file order. Architectures hold handles to the same tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace frugal {

struct NamedTensor {
  std::string name;
  at::Tensor value;
};

class ParameterSet {
 public:
  // Adds `value` under `name` (must be new) and returns the handle that the layer keeps.
  at::Tensor add(std::string name, at::Tensor value);
  // Drops every parameter that `drop` names; returns how many there were. Handles elsewhere stay what they are.
  int64_t remove(const std::function<bool(std::string_view name)>& drop);
  // Throws Error(kRunFailed, "unknown_parameter") with the nearest name.
  const at::Tensor& get(std::string_view name) const;
  bool contains(std::string_view name) const;
  const std::vector<NamedTensor>& all() const { return tensors_; }

  // Requires a gradient of exactly the parameters that `trainable` names; returns how many elements those hold.
  int64_t set_trainable(const std::function<bool(std::string_view name)>& trainable);
  std::vector<NamedTensor> trainable() const;
  int64_t count() const;  // elements of all tensors
  // Moves and converts in place, so that every handle sees it; integer tensors keep their type.
  void to(at::Device device, at::ScalarType type);

 private:
  std::vector<NamedTensor> tensors_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace frugal
