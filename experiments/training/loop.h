// The training loop of language models. Steps never wait for the device: what a curve shows is read back every
// log_steps. Several ranks share each micro-batch evenly, and add up their gradients before they are clipped: up to
// rounding, the step that one process takes.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/run/worker_loop.h"
#include "datasets/samplers.h"
#include "experiments/parallel/vote.h"
#include "experiments/training/adamw.h"
#include "experiments/training/precision.h"
#include "experiments/training/schedule.h"
#include "models/model.h"

namespace frugal {

struct LoopOptions {
  int64_t total_steps = 1, gradient_accumulation = 1;
  int64_t step_tokens = 0;  // of all ranks, for speeds
  double learning_rate = 0, warmup_ratio = 0, max_grad_norm = 1;
  std::string schedule = "cosine";
  AdamWOptions adamw = {};
  int64_t eval_steps = 1, log_steps = 1;
  bool keep_best = false;
  std::optional<int64_t> checkpoint_steps = {};
  std::optional<double> checkpoint_minutes = {};
  bool trace = false;  // of one step, to trace.json
};

// A curve of the training, one value a micro-batch, averaged over a step's.
struct Curve {
  std::string name, unit, description;
};

struct LoopSummary {
  int64_t steps = 0;
  double best_score = 0;  // of evaluate()
  int64_t best_step = 0;
  double tokens_per_second = 0;  // median of the log intervals but the first; 0 where there is no second
  double seconds = 0;            // of the steps alone, those before a resumption included
  int64_t peak_bytes = 0;        // of all tensors of a rank, highest of any step and rank
};

class TrainingLoop {
 public:
  virtual ~TrainingLoop() = default;
  TrainingLoop(const TrainingLoop&) = delete;
  TrainingLoop& operator=(const TrainingLoop&) = delete;
  // From the newest checkpoint if there is one. Evaluates before the first step, every eval_steps and after the last.
  // Throws run::Interrupted after a checkpoint when a signal asks to stop, Error(kRunFailed, "loss_not_finite") when
  // training diverges. Leaves the best parameters, or the last, in the model.
  LoopSummary train();

 protected:
  // Trains model.parameters().trainable(). The first curve must be finite.
  TrainingLoop(Model& model, const LoopOptions& options, datasets::BatchSampler sampler, Precision precision,
               const at::Device& device, run::RunContext& run, std::vector<Curve> curves);
  // Forward and backward of this rank's part of a micro-batch: the loss is what backpropagates() is given. Returns one
  // scalar a curve, on the device. Loss and curves are means over examples that weigh the same, so that the mean of
  // what ranks return for equal parts is that of the whole.
  virtual std::vector<at::Tensor> micro_batch(const std::vector<uint32_t>& examples, const Pass& pass) = 0;
  void backpropagate(const std::function<at::Tensor()>& loss) const;
  // On held-out data, after `step` steps; records what it finds, the same on every rank. Lower is better.
  virtual double evaluate(int64_t step) = 0;
  // What a checkpoint must keep beside the loop's own.
  virtual nlohmann::json extra_state() const = 0;
  virtual void restore_extra(const nlohmann::json& state) = 0;

  run::RunContext& run_;
  Collectives& group_;
  const at::Device device_;
  const Precision precision_;

 private:
  struct State {
    int64_t step = 0;
    datasets::SamplerState sampler;
    double best_score = 0;
    int64_t best_step = -1;
    double seconds = 0;
    int64_t peak_bytes = 0;
  };
  // What a step leaves on the device until the next reading.
  struct Pending {
    int64_t step = 0;
    double learning_rate = 0;
    at::Tensor values;  // the curves', then the gradient norm
  };

  void one_step();
  void traced_step();
  void read_curves();
  void select();
  void add_up_gradients();
  Wish agree();
  void save_checkpoint();
  int64_t highest_of_ranks(int64_t mine);
  bool restore();  // false: nothing to go on from

  LoopOptions options_;
  ParameterSet& parameters_;
  Vote vote_;
  std::vector<Curve> curves_;
  LossScaler scaler_;
  AdamW optimizer_;
  datasets::BatchSampler sampler_;
  Schedule schedule_;
  State state_;
  std::vector<NamedTensor> best_;
  std::vector<Pending> pending_;
  std::vector<double> speeds_;  // tokens a second, one a log interval
  std::chrono::steady_clock::time_point interval_begin_, last_checkpoint_ = std::chrono::steady_clock::now();
};

// The metrics steps, best_step, training_time, tokens_per_second, peak_memory.
void record_loop(const LoopSummary& summary, run::RunContext& run);

}  // namespace frugal
