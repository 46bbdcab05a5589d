// The training loop: batches, steps, selection, checkpoints. Everything that a resumed run needs is in State.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "core/run/worker_loop.h"
#include "datasets/samplers.h"
#include "experiments/text_classification/evaluate.h"
#include "experiments/text_classification/options.h"
#include "experiments/training/adamw.h"
#include "experiments/training/schedule.h"

namespace frugal {

struct TrainingSummary {
  int64_t steps = 0;
  double best_score = 0;  // of the selection metric
  int64_t best_step = 0;
  int64_t activation_bytes = 0;  // highest of any step: peak minus weights, gradients, optimiser state and the batch
  int64_t peak_bytes = 0;        // highest of any step, of all tensors
  int64_t static_bytes = 0;      // weights, gradients, optimiser state
  double step_seconds = 0;       // median of the steps after the warm-up
};

class Trainer {
 public:
  Trainer(TextEncoder& model, const ClassificationData& data, const TextClassificationOptions& options,
          const at::Device& device, run::RunContext& run);
  // From the newest checkpoint if there is one. Throws run::Interrupted after a checkpoint when a signal asks to stop,
  // Error(kRunFailed, "loss_not_finite") when training diverges. Leaves the chosen parameters (best or last) in the
  // model.
  TrainingSummary train();
  // For a dry run: takes a few steps, one checkpoint and a part of an evaluation, and records what the whole training
  // will take. The model is not what training would give.
  void plan();
  static int64_t total_steps(const TextClassificationOptions& options, size_t examples);

 private:
  struct State {
    int64_t step = 0;
    datasets::SamplerState sampler;
    double best_score = 0;
    int64_t best_step = -1;
    int64_t evaluations_since_best = 0;
    int64_t activation_bytes = 0, peak_bytes = 0;
  };

  void one_step();
  double micro_batch(int64_t micro);  // forward and backward; its mean loss
  void record_step(double loss, double grad_norm, std::chrono::nanoseconds duration);
  bool selection_due() const;
  void select();
  bool checkpoint_due() const;
  void save_checkpoint();
  void restore();
  bool finished() const;
  double progress() const {
    return static_cast<double>(state_.step) / static_cast<double>(std::max<int64_t>(1, total_steps_));
  }

  TextEncoder& model_;
  const ClassificationData& data_;
  const TextClassificationOptions& options_;
  at::Device device_;
  run::RunContext& run_;
  Precision precision_;
  LossScaler scaler_;
  AdamW optimizer_;
  datasets::BatchSampler sampler_;
  int64_t total_steps_, steps_per_epoch_;
  Schedule schedule_;
  State state_;
  std::vector<NamedTensor> best_;  // copies of the trainable parameters at the best selection
  std::vector<int64_t> step_ns_;
  std::chrono::steady_clock::time_point last_checkpoint_ = std::chrono::steady_clock::now();
};

}  // namespace frugal
