// Named points inside a model where methods, captures and calibration attach. A hook sees what went into the point
// and what came out, and returns what goes on.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "models/nn/pass.h"

namespace frugal {

// Of a transformer layer, in the order of computation; `kEmbedding` and `kOutput` have layer -1.
enum class HookPoint : int {
  kEmbedding,  // in: summed embeddings, out: after norm and dropout
  kQuery,      // in: layer input, out: query projection
  kKey,
  kValue,
  kAttention,      // in: layer input, out: attention output after its dense and dropout, before residual and norm
  kIntermediate,   // in: MLP input, out: activated first dense
  kMlp,            // in: MLP input, out: second dense after dropout, before residual and norm
  kBlock,          // in: layer input, out: layer output
  kTimeEmbedding,  // diffusion models: in: time step, out: its embedding
  kOutput,         // in: last hidden state, out: the model's output
  kCount,
};

std::string_view name(HookPoint point);
std::span<const std::string_view> hook_point_names();  // in the order of HookPoint

using Hook = std::function<at::Tensor(const at::Tensor& input, const at::Tensor& output, const Pass& pass)>;

class Hooks {
 public:
  void attach(HookPoint point, int64_t layer, Hook hook);
  bool empty() const { return hooks_.empty(); }
  size_t count() const { return hooks_.size(); }
  // Forgets the hooks that were attached since there were `count`.
  void truncate(size_t count) { hooks_.resize(std::min(count, hooks_.size())); }
  // Applies the hooks of this point in the order they were attached; returns `output` when there is none.
  at::Tensor run(HookPoint point, int64_t layer, const at::Tensor& input, at::Tensor output, const Pass& pass) const;

 private:
  struct Entry {
    HookPoint point;
    int64_t layer;
    Hook hook;
  };
  std::vector<Entry> hooks_;
};

}  // namespace frugal
