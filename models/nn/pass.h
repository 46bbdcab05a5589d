// What one pass through a model carries beside its inputs: state is passed, never hidden in the model.
#pragma once

#include <cstdint>

namespace frugal {

// Places that draw random numbers inside one layer; part of the dropout key.
enum class DropoutSite : uint64_t {
  kEmbedding,
  kAttention,
  kAttentionOutput,
  kMlpOutput,
  kAdapter,
  kAttentionAdapter,
  kReversibleAdapter,
  kLora,
  kHead
};

// training: dropout on. key: identifies (run seed, optimiser step, micro batch); equal keys replay equal masks.
struct Pass {
  bool training = false;
  uint64_t key = 0;
  int64_t step = 0;             // optimiser steps done
  bool plain_backward = false;  // autograd's own backward pass, where a method has another: the reference of checks
  double progress = 0;          // share of the training done, 0..1: what schedules inside methods follow

  static Pass evaluation(double progress = 1) { return {.progress = progress}; }
  static Pass train(uint64_t run_seed, int64_t step, int64_t micro_batch, double progress = 0);
  // The key of one dropout mask; layer -1 means outside of the layer stack. `extra` tells apart several of one site.
  uint64_t site_key(DropoutSite site, int64_t layer, uint64_t extra = 0) const;
};

}  // namespace frugal
