// What the ranks of a run do together with tensors. Every rank makes the same calls, in the same order, on tensors of
// the same shapes and types.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "core/run/ranks.h"
#include "core/run/worker_loop.h"
#include "models/nn/parameters.h"

namespace frugal {

// Tensors travel in flat buckets of so many bytes: enough that a call's fixed cost (some 20 us) does not show beside
// its transfer, and little beside the gradients that it is a copy of. A larger tensor travels as it is.
constexpr int64_t kBucketBytes = 32 << 20;

class Collectives : public run::Ranks {
 public:
  // Nobody to exchange anything with: every call gives back what it was given, at no cost.
  virtual bool alone() const { return false; }
  // In place, the sum of what the ranks have; fp32, fp64 or int64. On a GPU it is queued behind what has been launched.
  void sum(const std::vector<at::Tensor>& tensors);
  // In place, what rank 0 has; any type.
  void broadcast(const std::vector<at::Tensor>& tensors);

 protected:
  // Of a contiguous tensor.
  virtual void sum_flat(const at::Tensor& flat) = 0;
  virtual void broadcast_flat(const at::Tensor& bytes) = 0;  // uint8
};

// Those of the run; of one process, where calls do nothing.
Collectives& collectives_of(const run::RunContext& run);

// The part of `rows` that is this rank's: an equal share, in order. rows.size() is divisible by the ranks.
template <typename T>
std::vector<T> share_of(const std::vector<T>& rows, const Collectives& group) {
  const auto each = static_cast<std::ptrdiff_t>(rows.size()) / group.size();
  return {rows.begin() + group.rank() * each, rows.begin() + (group.rank() + 1) * each};
}

// Gives every rank rank 0's weights, whoever read or made its own.
void share_weights(const ParameterSet& parameters, Collectives& group);

}  // namespace frugal
