#include <ATen/ops/empty.h>

#include <cstring>

#include "core/config/did_you_mean.h"
#include "core/error.h"
#include "core/text.h"
#include "experiments/forward/family.h"

namespace frugal {
namespace {

using results::DType;
using results::HostTensor;

[[noreturn]] void refuse(const char* code, const std::string& message, const std::string& where,
                         const std::string& hint = {}) {
  throw Error(ErrorKind::kBadData, code, message, where, hint);
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return cat(at::IntArrayRef(shape));
}

// The place of element `flat` in row-major order: "input_ids[1, 7]".
std::string place(const HostTensor& tensor, size_t flat) {
  std::vector<int64_t> index(tensor.shape.size());
  for (size_t i = index.size(); i-- > 0;) {
    index[i] = static_cast<int64_t>(flat) % tensor.shape[i];
    flat /= static_cast<size_t>(tensor.shape[i]);
  }
  return tensor.name + shape_text(index);
}

at::ScalarType torch_type(DType dtype) {
  return dtype == DType::kInt64 ? at::kLong : dtype == DType::kFloat64 ? at::kDouble : at::kFloat;
}

}  // namespace

ForwardInputs::ForwardInputs(std::vector<HostTensor> tensors, std::span<const InputSpec> known) {
  std::vector<std::string> names;
  for (const InputSpec& spec : known) names.emplace_back(spec.name);
  const std::string list = joined(known, ", ", [](const InputSpec& spec) {
    return cat(spec.name, " ", spec.shape, spec.required ? "" : " (optional)");
  });
  for (auto& tensor : tensors) {
    if (std::find(names.begin(), names.end(), tensor.name) == names.end())
      refuse("unknown_input", cat("this model takes no '", tensor.name, "'; it takes ", list), tensor.name,
             did_you_mean(tensor.name, names));
    std::string name = tensor.name;
    tensors_.emplace(std::move(name), std::move(tensor));
  }
  for (const InputSpec& spec : known)
    if (spec.required && !tensors_.contains(spec.name))
      refuse("missing_input", cat("the data set '", spec.name, "' is missing; this model takes ", list),
             std::string(spec.name));
}

const HostTensor* ForwardInputs::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

void check_integers(const HostTensor& tensor, int64_t low, int64_t high, std::string_view meaning) {
  if (tensor.dtype != DType::kInt64)
    refuse("input_dtype", cat("'", tensor.name, "' holds ", results::name(tensor.dtype), ", expected integers"),
           tensor.name);
  const auto values = tensor.as<int64_t>();
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] < low || values[i] > high)
      refuse("input_value", cat("found ", values[i], ", ", meaning, " are ", low, " to ", high), place(tensor, i));
}

void check_rank(const HostTensor& tensor, size_t rank, std::string_view shape) {
  const auto refuse_shape = [&](const char* why) {
    refuse("input_shape", cat("'", tensor.name, "' has shape ", shape_text(tensor.shape), why, ", expected ", shape),
           tensor.name);
  };
  if (tensor.shape.size() != rank) refuse_shape("");
  if (tensor.bytes.empty()) refuse_shape(", which is empty");
}

void check_same_shape(const HostTensor& tensor, const HostTensor& as) {
  if (tensor.shape != as.shape)
    refuse(
        "input_shape",
        cat("'", tensor.name, "' has shape ", shape_text(tensor.shape), ", '", as.name, "' has ", shape_text(as.shape)),
        tensor.name);
}

at::Tensor to_device(const HostTensor& tensor, const at::Device& device) {
  at::Tensor out = at::empty(tensor.shape, torch_type(tensor.dtype));
  if (!tensor.bytes.empty()) std::memcpy(out.mutable_data_ptr(), tensor.bytes.data(), tensor.bytes.size());
  return out.to(device);
}

}  // namespace frugal
