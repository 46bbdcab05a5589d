#include "models/nn/weights.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>

#include "core/config/options.h"
#include "core/error.h"

namespace frugal {
namespace {

uint64_t hash_name(std::string_view name) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

std::string shape_text(at::IntArrayRef shape) {
  return cat(shape);
}

at::ScalarType scalar_type(const io::TensorEntry& entry, const std::filesystem::path& path) {
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
                  cat("tensor '", entry.name, "' has type ", io::dtype_name(entry.dtype)), path.string(),
                  "save the weights as F32, F16 or BF16");
  }
}

// Copied, converted to fp32 (fp64 and integers stay).
at::Tensor to_tensor(const io::TensorEntry& entry, const std::filesystem::path& path) {
  const at::ScalarType type = scalar_type(entry, path);
  at::Tensor tensor = at::empty(entry.shape, type);
  if (!entry.bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), entry.bytes.data(), entry.bytes.size());
  return type == at::kHalf || type == at::kBFloat16 ? tensor.to(at::kFloat) : tensor;
}

// Older checkpoints call a norm's weight gamma and its bias beta.
std::string old_spelling(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || !name.substr(0, dot).ends_with("LayerNorm")) return {};
  return cat(name.substr(0, dot), name.substr(dot) == ".weight" ? ".gamma" : ".beta");
}

}  // namespace

at::Tensor new_parameter(std::string_view name, at::IntArrayRef shape, Init init, double standard_deviation,
                         uint64_t seed) {
  if (init == Init::kZeros) return at::zeros(shape);
  if (init == Init::kOnes) return at::ones(shape);
  at::Generator generator = at::detail::createCPUGenerator(seed ^ hash_name(name));
  return at::empty(shape).normal_(0, standard_deviation, generator);
}

at::Tensor new_uniform(std::string_view name, at::IntArrayRef shape, double bound, uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed ^ hash_name(name));
  return at::empty(shape).uniform_(-bound, bound, generator);
}

Weights Weights::random(uint64_t seed, double standard_deviation) {
  Weights weights;
  weights.seed_ = seed;
  weights.standard_deviation_ = standard_deviation;
  return weights;
}

Weights Weights::from_checkpoint(const std::filesystem::path& path, uint64_t seed, double standard_deviation) {
  Weights weights = random(seed, standard_deviation);
  weights.path_ = path;
  weights.model_ = std::make_unique<io::SafetensorsModel>(io::SafetensorsModel::open(path));
  return weights;
}

const io::TensorEntry* Weights::find(std::string_view name) const {
  if (!model_) return nullptr;
  const auto spelled = [&](std::string_view n) -> const io::TensorEntry* {
    if (const auto* entry = model_->find(n)) return entry;
    const std::string old = old_spelling(n);
    return old.empty() ? nullptr : model_->find(old);
  };
  if (const auto* entry = spelled(name)) return entry;
  if (!prefix_.empty() && name.starts_with(prefix_)) return spelled(name.substr(prefix_.size()));
  return nullptr;
}

bool Weights::contains(std::string_view name) const {
  return find(name) != nullptr;
}

std::optional<std::vector<int64_t>> Weights::shape_of(std::string_view name) const {
  const auto* entry = find(name);
  return entry != nullptr ? std::optional(entry->shape) : std::nullopt;
}

at::Tensor Weights::take(const std::string& name, at::IntArrayRef shape, Init init) {
  if (model_ && !contains(name)) {
    std::vector<std::string> names;
    for (const auto* entry : model_->tensors()) names.push_back(entry->name);
    const std::string near = nearest_name(name, names);
    throw Error(ErrorKind::kBadData, "missing_tensor", cat("tensor '", name, "' ", shape_text(shape), " is missing"),
                path_.string(), near.empty() ? "" : cat("the nearest name in the file is '", near, "'"));
  }
  bool is_new = false;
  return take_or_new(name, shape, init, is_new);
}

at::Tensor Weights::take_or_new(const std::string& name, at::IntArrayRef shape, Init init, bool& is_new) {
  const io::TensorEntry* entry = find(name);
  is_new = entry == nullptr;
  if (is_new) return new_parameter(name, shape, init, standard_deviation_, seed_);
  if (at::IntArrayRef(entry->shape) != shape)
    throw Error(
        ErrorKind::kBadData, "wrong_shape",
        cat("tensor '", entry->name, "' has shape ", shape_text(entry->shape), ", expected ", shape_text(shape)),
        path_.string(), "is config.json the one of these weights?");
  at::Tensor tensor = to_tensor(*entry, path_);
  if (tensor.is_floating_point() && !at::isfinite(tensor).all().item<bool>())
    throw Error(ErrorKind::kBadData, "not_finite", cat("tensor '", entry->name, "' holds NaN or infinity"),
                path_.string(), "the file is damaged or its training diverged; get it again");
  taken_.insert(entry);
  return tensor;
}

void Weights::finish(const std::vector<std::string>& ignored) const {
  if (!model_) return;
  for (const auto* entry : model_->tensors()) {
    if (taken_.contains(entry)) continue;
    const auto is_part = [&](const std::string& part) { return entry->name.find(part) != std::string::npos; };
    if (std::any_of(ignored.begin(), ignored.end(), is_part)) continue;
    throw Error(ErrorKind::kBadData, "unknown_tensor",
                cat("tensor '", entry->name, "' ", shape_text(entry->shape), " has no place in this architecture"),
                path_.string(), "does config.json name the architecture of these weights?");
  }
}

std::vector<std::filesystem::path> Weights::files() const {
  return model_ ? model_->files() : std::vector<std::filesystem::path>{};
}

}  // namespace frugal
