// Distillation: batches of packed sequences, the loss against the teacher, held-out KL.
#pragma once

#include <vector>

#include "experiments/distillation/evaluate.h"
#include "experiments/distillation/layer_loss.h"
#include "experiments/distillation/options.h"
#include "experiments/training/loop.h"
#include "models/language/distillation_loss.h"

namespace frugal {

struct DistillationData {
  at::Tensor train, held_out;  // [n,T] int32, host memory
};

class DistillationTrainer final : public TrainingLoop {
 public:
  // Trains student.parameters().trainable(). Error(kBadData, "too_few_sequences") for fewer than one batch;
  // Error(kUsage, "layers_differ").
  DistillationTrainer(const TeachingPair& pair, const DistillationData& data, const DistillationOptions& options,
                      run::RunContext& run);
  const TeachingScore& start() const { return start_; }  // before the first step
  int64_t step_tokens() const;

 protected:
  std::vector<at::Tensor> micro_batch(const std::vector<uint32_t>& sequences, const Pass& pass) override;
  double evaluate(int64_t step) override;  // KL a token
  nlohmann::json extra_state() const override;
  void restore_extra(const nlohmann::json& state) override;

 private:
  DistillationLoss loss(const at::Tensor& ours, const at::Tensor& theirs, const at::Tensor& wanted) const;

  TeachingPair pair_;
  const DistillationData& data_;
  const DistillationOptions& options_;
  DistillationLossOptions loss_;
  std::optional<LayerLoss> layers_;  // of objective=layers
  TeachingScore start_;
};

}  // namespace frugal
