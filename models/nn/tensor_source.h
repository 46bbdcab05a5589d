// The tensors of a checkpoint, whatever file format they are in, read one by one from the memory-mapped files.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frugal {

struct StoredTensor {
  std::string name;  // as Hugging Face calls it
  std::vector<int64_t> shape;
  std::filesystem::path file;
};

class TensorSource {
 public:
  // path: a .gguf file, whose tensors appear by their Hugging Face names and in that layout, or what
  // io::SafetensorsModel::open takes. Errors: those of io::GgufModel::open and io::SafetensorsModel::open.
  static std::unique_ptr<TensorSource> open(const std::filesystem::path& path);
  virtual ~TensorSource() = default;

  // Sorted by name.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  // The index in tensors(), -1 when there is none.
  int64_t find(std::string_view name) const;
  // A copy on the CPU: floating-point numbers as `type` (null: fp64 where they are stored so, else fp32), integers as
  // they are stored.
  // Error(kBadData, "unsupported_dtype" | "gguf_type_unsupported").
  virtual at::Tensor read(int64_t index, std::optional<at::ScalarType> type) const = 0;
  virtual std::vector<std::filesystem::path> files() const = 0;

 protected:
  std::vector<StoredTensor> tensors_;
};

}  // namespace frugal
