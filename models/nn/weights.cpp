#include "models/nn/weights.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "core/config/options.h"
#include "core/error.h"

namespace frugal {
namespace {

uint64_t hash_name(std::string_view name) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

// LibTorch draws with one thread. So a large tensor is drawn in blocks, each from a generator of its own, which makes
// the values independent of the threads.
constexpr int64_t kBlock = int64_t{1} << 22;
constexpr uint64_t kGolden = 0x9e3779b97f4a7c15ULL;  // tells the generators of a tensor's blocks apart

template <typename Fill>
at::Tensor drawn(std::string_view name, at::IntArrayRef shape, uint64_t seed, const Fill& fill) {
  at::Tensor values = at::empty(shape);
  const at::Tensor flat = values.view(-1);
  const int64_t blocks = (flat.numel() + kBlock - 1) / kBlock;
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t block_seed = (seed ^ hash_name(name)) + static_cast<uint64_t>(i) * kGolden;
      const int64_t first = i * kBlock;
      fill(flat.narrow(0, first, std::min(kBlock, flat.numel() - first)), at::detail::createCPUGenerator(block_seed));
    }
  });
  return values;
}

std::string shape_text(at::IntArrayRef shape) {
  return cat(shape);
}

// "[3, 7]": the place of the first element that is NaN or infinite.
std::string first_bad(const at::Tensor& tensor) {
  int64_t flat = at::isfinite(tensor).flatten().logical_not().to(at::kByte).argmax().item<int64_t>();
  std::vector<int64_t> index(static_cast<size_t>(tensor.dim()));
  for (size_t i = index.size(); i-- > 0;) {
    index[i] = flat % tensor.size(static_cast<int64_t>(i));
    flat /= tensor.size(static_cast<int64_t>(i));
  }
  return shape_text(index);
}

bool all_finite(const at::Tensor& tensor) {
  return !tensor.is_floating_point() || at::isfinite(tensor).all().item<bool>();
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
  return drawn(name, shape, seed, [&](const at::Tensor& block, const at::Generator& generator) {
    block.normal_(0, standard_deviation, generator);
  });
}

at::Tensor new_uniform(std::string_view name, at::IntArrayRef shape, double bound, uint64_t seed) {
  return drawn(name, shape, seed, [&](const at::Tensor& block, const at::Generator& generator) {
    block.uniform_(-bound, bound, generator);
  });
}

Weights Weights::random(uint64_t seed, double standard_deviation, std::optional<at::ScalarType> type) {
  Weights weights;
  weights.type_ = type;
  weights.seed_ = seed;
  weights.standard_deviation_ = standard_deviation;
  return weights;
}

Weights Weights::from_checkpoint(const std::filesystem::path& path, uint64_t seed, double standard_deviation,
                                 std::optional<at::ScalarType> type) {
  Weights weights = random(seed, standard_deviation, type);
  weights.path_ = path;
  weights.source_ = TensorSource::open(path);
  return weights;
}

int64_t Weights::find(std::string_view name) const {
  if (!source_) return -1;
  const auto spelled = [&](std::string_view n) {
    if (const int64_t index = source_->find(n); index >= 0) return index;
    const std::string old = old_spelling(n);
    return old.empty() ? -1 : source_->find(old);
  };
  if (const int64_t index = spelled(name); index >= 0) return index;
  return !prefix_.empty() && name.starts_with(prefix_) ? spelled(name.substr(prefix_.size())) : -1;
}

bool Weights::contains(std::string_view name) const {
  return find(name) >= 0;
}

std::optional<std::vector<int64_t>> Weights::shape_of(std::string_view name) const {
  const int64_t index = find(name);
  return index >= 0 ? std::optional(source_->tensors()[static_cast<size_t>(index)].shape) : std::nullopt;
}

at::Tensor Weights::take(const std::string& name, at::IntArrayRef shape, Init init) {
  if (source_ && !contains(name)) {
    std::vector<std::string> names;
    for (const StoredTensor& tensor : source_->tensors()) names.push_back(tensor.name);
    const std::string near = nearest_name(name, names);
    throw Error(ErrorKind::kBadData, "missing_tensor", cat("tensor '", name, "' ", shape_text(shape), " is missing"),
                path_.string(), near.empty() ? "" : cat("the nearest name in the file is '", near, "'"));
  }
  bool is_new = false;
  return take_or_new(name, shape, init, is_new);
}

at::Tensor Weights::take_or_new(const std::string& name, at::IntArrayRef shape, Init init, bool& is_new) {
  const int64_t index = find(name);
  is_new = index < 0;
  if (is_new) return new_parameter(name, shape, init, standard_deviation_, seed_).to(type_.value_or(at::kFloat));
  taken_.insert(index);
  return checked(index, shape);
}

at::Tensor Weights::checked(int64_t index, at::IntArrayRef shape) const {
  const StoredTensor& stored = source_->tensors()[static_cast<size_t>(index)];
  if (at::IntArrayRef(stored.shape) != shape)
    throw Error(
        ErrorKind::kBadData, "wrong_shape",
        cat("tensor '", stored.name, "' has shape ", shape_text(stored.shape), ", expected ", shape_text(shape)),
        stored.file.string(), "is config.json the one of these weights?");
  at::Tensor tensor = source_->read(index, type_);
  if (all_finite(tensor)) return tensor;
  if (const at::Tensor wide = source_->read(index, at::kDouble); !all_finite(wide))
    throw Error(ErrorKind::kBadData, "not_finite",
                cat("tensor '", stored.name, "' holds NaN or infinity at ", first_bad(wide)), stored.file.string(),
                "the file is damaged or its training diverged; get it again");
  throw Error(ErrorKind::kBadData, "out_of_range",
              cat("tensor '", stored.name, "' at ", first_bad(tensor), " does not fit ", tensor.scalar_type()),
              stored.file.string(), "load it as bf16 or fp32");
}

void Weights::finish(const std::vector<std::string>& ignored) const {
  if (!source_) return;
  for (size_t i = 0; i < source_->tensors().size(); ++i) {
    const StoredTensor& stored = source_->tensors()[i];
    if (taken_.contains(static_cast<int64_t>(i))) continue;
    const auto is_part = [&](const std::string& part) { return stored.name.find(part) != std::string::npos; };
    if (std::any_of(ignored.begin(), ignored.end(), is_part)) continue;
    throw Error(ErrorKind::kBadData, "unknown_tensor",
                cat("tensor '", stored.name, "' ", shape_text(stored.shape), " has no place in this architecture"),
                stored.file.string(), "does config.json name the architecture of these weights?");
  }
}

std::vector<std::filesystem::path> Weights::files() const {
  return source_ ? source_->files() : std::vector<std::filesystem::path>{};
}

}  // namespace frugal
