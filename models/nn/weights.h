// Where a model's parameters come from: a checkpoint, or a seed.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "models/nn/tensor_source.h"

namespace frugal {

enum class Init { kNormal, kZeros, kOnes };  // kNormal: standard deviation of the weights' source

// A tensor of the given shape with the values that (seed, name) decides: independent of the order of calls and of
// LibTorch's generator state.
at::Tensor new_parameter(std::string_view name, at::IntArrayRef shape, Init init, double standard_deviation,
                         uint64_t seed);

// The same with values of U(-bound, bound).
at::Tensor new_uniform(std::string_view name, at::IntArrayRef shape, double bound, uint64_t seed);

class Weights {
 public:
  // All new, from a seed: tests, ablations of the starting point.
  static Weights random(uint64_t seed, double standard_deviation, std::optional<at::ScalarType> type = std::nullopt);
  // path as TensorSource::open takes it. Tensors are read one by one as they are taken, so that beside the model there
  // is at most one more of them in memory. New heads draw from the seed. type: of what take() gives (fp32, fp64, bf16,
  // fp16); null: fp64 where it is stored so, else fp32.
  static Weights from_checkpoint(const std::filesystem::path& path, uint64_t seed, double standard_deviation,
                                 std::optional<at::ScalarType> type = std::nullopt);

  bool is_random() const { return source_ == nullptr; }
  // Whether the checkpoint holds this tensor under one of its spellings; false for random weights.
  bool contains(std::string_view name) const;
  // Shape of the checkpoint's tensor; empty where it has none.
  std::optional<std::vector<int64_t>> shape_of(std::string_view name) const;
  // The parameter `name`; Error(kBadData, "missing_tensor" | "wrong_shape" | "not_finite" | "out_of_range") naming the
  // file, the tensor, shapes, the first bad element.
  at::Tensor take(const std::string& name, at::IntArrayRef shape, Init init);
  // The same, but a new parameter where the checkpoint has none (a fresh head); `is_new` says which.
  at::Tensor take_or_new(const std::string& name, at::IntArrayRef shape, Init init, bool& is_new);
  // Prefix that the model's canonical names carry and the file's may lack ("bert.").
  void set_optional_prefix(std::string prefix) { prefix_ = std::move(prefix); }
  // Error(kBadData, "unknown_tensor") for a tensor nobody took, unless one of `ignored` is a part of its name.
  void finish(const std::vector<std::string>& ignored) const;
  std::vector<std::filesystem::path> files() const;

 private:
  int64_t find(std::string_view name) const;  // in source_, -1 when it is not there
  at::Tensor checked(int64_t index, at::IntArrayRef shape) const;

  std::unique_ptr<TensorSource> source_;
  std::filesystem::path path_;
  std::string prefix_;
  uint64_t seed_ = 0;
  double standard_deviation_ = 0.02;
  std::optional<at::ScalarType> type_;
  std::unordered_set<int64_t> taken_;
};

}  // namespace frugal
