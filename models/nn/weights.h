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

#include "core/io/safetensors.h"

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
  static Weights random(uint64_t seed, double standard_deviation);
  // path as io::SafetensorsModel::open takes it. New heads draw from the seed.
  static Weights from_checkpoint(const std::filesystem::path& path, uint64_t seed, double standard_deviation);

  bool is_random() const { return model_ == nullptr; }
  // Whether the checkpoint holds this tensor under one of its spellings; false for random weights.
  bool contains(std::string_view name) const;
  // Shape of the checkpoint's tensor; empty where it has none.
  std::optional<std::vector<int64_t>> shape_of(std::string_view name) const;
  // The parameter `name`; Error(kBadData, "missing_tensor" | "wrong_shape" | "not_finite") naming the tensor and
  // shapes.
  at::Tensor take(const std::string& name, at::IntArrayRef shape, Init init);
  // The same, but a new parameter where the checkpoint has none (a fresh head); `is_new` says which.
  at::Tensor take_or_new(const std::string& name, at::IntArrayRef shape, Init init, bool& is_new);
  // Prefix that the model's canonical names carry and the file's may lack ("bert.").
  void set_optional_prefix(std::string prefix) { prefix_ = std::move(prefix); }
  // Error(kBadData, "unknown_tensor") for a tensor nobody took, unless one of `ignored` is a part of its name.
  void finish(const std::vector<std::string>& ignored) const;
  std::vector<std::filesystem::path> files() const;

 private:
  const io::TensorEntry* find(std::string_view name) const;

  std::unique_ptr<io::SafetensorsModel> model_;
  std::filesystem::path path_;
  std::string prefix_;
  uint64_t seed_ = 0;
  double standard_deviation_ = 0.02;
  std::unordered_set<const io::TensorEntry*> taken_;
};

}  // namespace frugal
