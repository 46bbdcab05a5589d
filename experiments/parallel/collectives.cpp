#include "experiments/parallel/collectives.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include "core/error.h"

namespace frugal {
namespace {

class OneProcess final : public Collectives {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string backend() const override { return "none"; }
  std::string share(const std::string& text) override { return text; }
  void leave(bool /*well*/) override {}
  bool alone() const override { return true; }

 protected:
  void sum_flat(const at::Tensor& /*flat*/) override {}
  void broadcast_flat(const at::Tensor& /*bytes*/) override {}
};

// Calls `travel` with flat tensors that together are `tensors`, and puts back what comes of them. Neighbours of one
// type and device share a bucket.
template <typename Travel>
void in_buckets(const std::vector<at::Tensor>& tensors, const Travel& travel) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> bucket;
  int64_t bytes = 0;
  const auto flush = [&] {
    if (bucket.empty()) return;
    std::vector<at::Tensor> flat;
    for (const at::Tensor& tensor : bucket) flat.push_back(tensor.flatten());
    const at::Tensor all = at::cat(flat);
    travel(all);
    int64_t at = 0;
    for (const at::Tensor& tensor : bucket) {
      tensor.copy_(all.narrow(0, at, tensor.numel()).view(tensor.sizes()));
      at += tensor.numel();
    }
    bucket.clear();
    bytes = 0;
  };
  for (const at::Tensor& given : tensors) {
    const at::Tensor tensor = given.detach();
    const auto size = static_cast<int64_t>(tensor.nbytes());
    if (tensor.is_contiguous() && size >= kBucketBytes) {
      travel(tensor.view(-1));
      continue;
    }
    const bool fits = bucket.empty() || (bucket.front().scalar_type() == tensor.scalar_type() &&
                                         bucket.front().device() == tensor.device() && bytes + size <= kBucketBytes);
    if (!fits) flush();
    bucket.push_back(tensor);
    bytes += size;
  }
  flush();
}

}  // namespace

void Collectives::sum(const std::vector<at::Tensor>& tensors) {
  if (alone()) return;
  for (const at::Tensor& tensor : tensors)
    if (const at::ScalarType type = tensor.scalar_type();
        type != at::kFloat && type != at::kDouble && type != at::kLong)
      throw Error(ErrorKind::kRunFailed, "bad_sum", cat("ranks add fp32, fp64 and int64, not ", at::toString(type)));
  in_buckets(tensors, [this](const at::Tensor& flat) { sum_flat(flat); });
}

void Collectives::broadcast(const std::vector<at::Tensor>& tensors) {
  if (alone()) return;
  in_buckets(tensors, [this](const at::Tensor& flat) { broadcast_flat(flat.view(at::kByte)); });
}

Collectives& collectives_of(const run::RunContext& run) {
  static OneProcess alone;
  if (run.ranks == nullptr) return alone;
  auto* group = dynamic_cast<Collectives*>(run.ranks);
  if (group == nullptr)
    throw Error(ErrorKind::kRunFailed, "no_collectives", "this worker's ranks exchange no tensors", "parallel.ranks");
  return *group;
}

void share_weights(const ParameterSet& parameters, Collectives& group) {
  if (group.alone()) return;
  std::vector<at::Tensor> weights;
  for (const NamedTensor& parameter : parameters.all()) weights.push_back(parameter.value);
  group.broadcast(weights);
}

}  // namespace frugal
