// Greedy decoding of all sequences of a cache together, one token each a step, on the host's side with no wait for the
// device: what a step needs of lengths, positions and tokens stays there. On CUDA the step becomes a CUDA graph, so
// that launching costs one call however many layers there are.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "models/language_model.h"
#include "models/nn/cuda_support.h"

namespace frugal {

enum class StepLaunch {
  kEager,  // operation by operation
  kGraph,  // CUDA: the first step runs eagerly, the second is captured, it and all others are replayed. CPU: as kEager
};

class DecodeLoop {
 public:
  // The cache must have been made by the model and hold the prompts; nobody else changes it while the loop lives, and
  // both outlive it. Error(kUsage, "unsupported_decode") for models that cannot, at the first step.
  DecodeLoop(LanguageModel& model, KvCache& cache, StepLaunch launch = StepLaunch::kGraph);
  // tokens [sequences] int64: what follows the prompt of each sequence and is not in the cache yet. Also after the
  // cache was changed in another way (truncate, fork): the loop reads its lengths here.
  void start(const at::Tensor& tokens);
  // Stores the current tokens and finds those that follow. Asynchronous on CUDA. Error(kRunFailed, "cache_full"), with
  // the cache as it was.
  void step();
  const at::Tensor& tokens() const { return tokens_; }  // [sequences,1] int64, overwritten by the next step
  const at::Tensor& logits() const { return logits_; }  // [sequences,V] that they are the largest of, likewise
  // `steps` steps -> [sequences,steps]: the tokens that each of them found.
  at::Tensor generate(int64_t steps);
  bool captured() const { return graph_ != nullptr; }

 private:
  void run();

  LanguageModel& model_;
  KvCache& cache_;
  StepLaunch launch_;
  at::Tensor tokens_, stored_, logits_;
  int64_t steps_ = 0;
  std::unique_ptr<cuda::Graph> graph_;
};

}  // namespace frugal
