#include "models/nn/tensor_source.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/io/gguf_model.h"
#include "core/io/safetensors.h"
#include "models/nn/scalar_types.h"

namespace frugal {
namespace {

at::ScalarType stored_type(const io::TensorEntry& entry, const std::filesystem::path& file) {
  switch (entry.dtype) {
    case io::DType::kF32:
      return at::kFloat;
    case io::DType::kF64:
      return at::kDouble;
    case io::DType::kF16:
      return at::kHalf;
    case io::DType::kBF16:
      return at::kBFloat16;
    case io::DType::kI64:
      return at::kLong;
    case io::DType::kI32:
      return at::kInt;
    default:
      throw Error(ErrorKind::kBadData, "unsupported_dtype",
                  cat("tensor '", entry.name, "' has type ", io::dtype_name(entry.dtype)), file.string(),
                  "save the weights as F32, F16 or BF16");
  }
}

class SafetensorsSource final : public TensorSource {
 public:
  explicit SafetensorsSource(const std::filesystem::path& path) : model_(io::SafetensorsModel::open(path)) {
    for (const auto* entry : model_.tensors())
      tensors_.push_back({.name = entry->name, .shape = entry->shape, .file = model_.file_of(*entry)});
  }
  at::Tensor read(int64_t index, std::optional<at::ScalarType> type) const override {
    const io::TensorEntry& entry = *model_.tensors().at(static_cast<size_t>(index));
    at::Tensor tensor = at::empty(entry.shape, stored_type(entry, tensors_[static_cast<size_t>(index)].file));
    if (!entry.bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), entry.bytes.data(), entry.bytes.size());
    if (!tensor.is_floating_point()) return tensor;
    return tensor.to(type.value_or(wide_type(tensor.scalar_type())));
  }
  std::vector<std::filesystem::path> files() const override { return model_.files(); }

 private:
  io::SafetensorsModel model_;
};

class GgufSource final : public TensorSource {
 public:
  explicit GgufSource(const std::filesystem::path& path) : model_(io::GgufModel::open(path)) {
    for (const auto& tensor : model_.tensors())
      tensors_.push_back({.name = tensor.name, .shape = tensor.source->shape, .file = path});
  }
  at::Tensor read(int64_t index, std::optional<at::ScalarType> type) const override {
    const io::GgufModelTensor& tensor = model_.tensors().at(static_cast<size_t>(index));
    at::Tensor values = at::empty(tensor.source->shape, at::kFloat);
    model_.read(tensor, {values.mutable_data_ptr<float>(), static_cast<size_t>(values.numel())});
    return values.to(type.value_or(at::kFloat));
  }
  std::vector<std::filesystem::path> files() const override { return {model_.file().path()}; }

 private:
  io::GgufModel model_;
};

}  // namespace

std::unique_ptr<TensorSource> TensorSource::open(const std::filesystem::path& path) {
  if (path.extension() == ".gguf") return std::make_unique<GgufSource>(path);
  return std::make_unique<SafetensorsSource>(path);
}

int64_t TensorSource::find(std::string_view name) const {
  const auto at = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                   [](const StoredTensor& tensor, std::string_view n) { return tensor.name < n; });
  return at != tensors_.end() && at->name == name ? at - tensors_.begin() : -1;
}

}  // namespace frugal
