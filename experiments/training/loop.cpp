#include "experiments/training/loop.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/file.h"
#include "core/log.h"
#include "core/run/signals.h"
#include "experiments/trace.h"
#include "experiments/training/snapshot.h"
#include "experiments/training/step.h"
#include "models/nn/memory.h"

namespace frugal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kTracedStep = 3;  // what is made once, is made

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

TrainingLoop::TrainingLoop(Model& model, const LoopOptions& options, datasets::BatchSampler sampler,
                           Precision precision, const at::Device& device, run::RunContext& run,
                           std::vector<Curve> curves)
    : run_(run),
      group_(collectives_of(run)),
      device_(device),
      precision_(precision),
      options_(options),
      parameters_(model.parameters()),
      vote_(group_, device),
      curves_(std::move(curves)),
      scaler_(precision, device),
      optimizer_(model.parameters().trainable(), options.adamw),
      sampler_(std::move(sampler)),
      schedule_{.kind = schedule_named(options.schedule),
                .warmup_steps = warmup_steps(options.warmup_ratio, options.total_steps),
                .total_steps = options.total_steps} {
  for (const Curve& curve : curves_) run_.recorder.declare_series(curve.name, curve.unit, curve.description);
  run_.recorder.declare_series("train/learning_rate", "", "rate of the step");
  run_.recorder.declare_series("train/gradient_norm", "", "joint norm of all gradients before clipping");
  run_.recorder.declare_series("train/tokens_per_second", "1/s", "over the steps since the last point",
                               results::Repeat::kMayVary);
}

LoopSummary TrainingLoop::train() {
  const bool resumed = restore();
  // Rank 0's, bit for bit: a conversion that one GPU rounds otherwise than another would never be made up for.
  share_weights(parameters_, group_);
  if (!resumed) select();
  interval_begin_ = Clock::now();
  while (state_.step < options_.total_steps) {
    if (options_.trace && state_.step == kTracedStep && group_.rank() == 0)
      traced_step();
    else
      one_step();
    const Wish agreed = agree();
    const bool last = state_.step == options_.total_steps, stop = agreed.stop_signal != 0;
    const bool evaluates = last || state_.step % options_.eval_steps == 0;
    if (evaluates || stop || state_.step % options_.log_steps == 0) read_curves();
    if (evaluates) {
      select();
      interval_begin_ = Clock::now();
    }
    if (stop || (agreed.checkpoint && !last)) save_checkpoint();
    if (stop) throw run::Interrupted(agreed.stop_signal);
  }
  if (options_.keep_best && !best_.empty()) copy_into(best_, optimizer_.parameters());
  return {.steps = state_.step,
          .best_score = state_.best_score,
          .best_step = state_.best_step,
          .tokens_per_second = median({speeds_.begin() + (speeds_.empty() ? 0 : 1), speeds_.end()}),
          .seconds = state_.seconds,
          .peak_bytes = highest_of_ranks(state_.peak_bytes)};
}

void TrainingLoop::one_step() {
  optimizer_.zero_grad();
  memory::reset_peak(device_);
  const double rate = options_.learning_rate * schedule_.factor(state_.step);
  const double progress = static_cast<double>(state_.step) / static_cast<double>(options_.total_steps);
  at::Tensor sums;
  for (int64_t micro = 0; micro < options_.gradient_accumulation; ++micro) {
    const Pass pass = Pass::train(run_.seeds.seed("dropout"), state_.step, micro, progress);
    const at::Tensor values = at::stack(micro_batch(share_of(sampler_.next(), group_), pass)).detach();
    sums = sums.defined() ? sums + values : values;
  }
  add_up_gradients();
  const at::Tensor norm = clip_gradients(optimizer_.parameters(), options_.max_grad_norm);
  optimizer_.step(rate);
  state_.peak_bytes = std::max(state_.peak_bytes, memory::peak_bytes(device_));
  const at::Tensor means = sums / static_cast<double>(options_.gradient_accumulation);
  pending_.push_back({.step = state_.step,
                      .learning_rate = rate,
                      .values = at::cat({means, norm.to(means.scalar_type()).unsqueeze(0)})});
  ++state_.step;
  state_.sampler = sampler_.state();
}

// backpropagate() has divided each rank's by their number, so that the sum is the gradient of the whole batch's mean.
void TrainingLoop::add_up_gradients() {
  if (group_.alone()) return;
  std::vector<at::Tensor> gradients;
  for (const NamedTensor& parameter : optimizer_.parameters()) gradients.push_back(parameter.value.grad());
  group_.sum(gradients);
}

// What all ranks do after this step. Only rank 0's clock tells when a checkpoint is due.
Wish TrainingLoop::agree() {
  const bool due =
      checkpoint_due(state_.step, options_.checkpoint_steps, options_.checkpoint_minutes, last_checkpoint_);
  Wish agreed = vote_.cast(
      {.stop_signal = run_.stop_requested() ? run::requested_signal() : 0, .checkpoint = due && group_.rank() == 0});
  if (options_.checkpoint_steps) agreed.checkpoint = due;  // all count the same steps
  return agreed;
}

int64_t TrainingLoop::highest_of_ranks(int64_t mine) {
  const at::Tensor all = at::zeros({group_.size()}, at::kLong);
  all.mutable_data_ptr<int64_t>()[group_.rank()] = mine;
  group_.sum({all});
  return all.max().item<int64_t>();
}

void TrainingLoop::traced_step() {
  const TraceCounts counts = trace_calls([this] { one_step(); }, 1, device_, run_.job.run_dir / "trace.json");
  const auto count = [&](const std::string& name, double value, const std::string& unit) {
    run_.recorder.metric({.name = name, .value = value, .unit = unit, .repeat = results::Repeat::kMayVary});
  };
  count("step_operators", counts.operators, "");
  if (counts.kernels == 0) return;
  count("step_kernels", counts.kernels, "");
  count("step_device_busy", counts.device_ms, "ms");
}

void TrainingLoop::backpropagate(const std::function<at::Tensor()>& loss) const {
  forward_backward(
      loss,
      {.precision = precision_, .scaler = scaler_, .micro_batches = options_.gradient_accumulation * group_.size()},
      device_);
}

void TrainingLoop::read_curves() {
  if (pending_.empty()) return;
  std::vector<at::Tensor> rows;
  rows.reserve(pending_.size());
  for (const Pending& step : pending_) rows.push_back(step.values);
  at::Tensor means = at::stack(rows);
  if (!group_.alone()) {
    means = means.to(at::kDouble);
    group_.sum({means});
    means /= group_.size();  // of the norm, too, which all ranks have
  }
  const at::Tensor host = means.to(at::kCPU, at::kDouble).contiguous();  // waits for the device
  const double* value = host.const_data_ptr<double>();
  for (const Pending& step : pending_) {
    if (!std::isfinite(value[0]))
      throw Error(ErrorKind::kRunFailed, "loss_not_finite", cat("the loss is ", value[0], " at step ", step.step),
                  "experiment", "a lower experiment.learning_rate, or another precision");
    for (const Curve& curve : curves_) run_.recorder.series(curve.name, step.step, *value++);
    run_.recorder.series("train/learning_rate", step.step, step.learning_rate);
    run_.recorder.series("train/gradient_norm", step.step, *value++);
  }
  const std::chrono::duration<double> seconds = Clock::now() - interval_begin_;
  state_.seconds += seconds.count();
  const auto steps = static_cast<int64_t>(pending_.size());
  speeds_.push_back(static_cast<double>(steps * options_.step_tokens) / seconds.count());
  run_.recorder.series("train/tokens_per_second", pending_.back().step, speeds_.back());
  pending_.clear();
  interval_begin_ = Clock::now();
}

void TrainingLoop::select() {
  const double score = evaluate(state_.step);
  // NaN never counts as better.
  if (state_.best_step >= 0 && !(score < state_.best_score)) return;
  state_.best_score = score;
  state_.best_step = state_.step;
  if (options_.keep_best) best_ = host_copies(optimizer_.parameters());
}

// The state is the same on every rank and says nothing of their number: rank 0's goes on with any.
void TrainingLoop::save_checkpoint() {
  read_curves();
  vote_.clear();
  const nlohmann::json state = {{"step", state_.step},
                                {"epoch", state_.sampler.epoch},
                                {"position", state_.sampler.position},
                                {"best_score", state_.best_score},
                                {"best_step", state_.best_step},
                                {"seconds", state_.seconds},
                                {"peak_bytes", state_.peak_bytes},
                                {"extra", extra_state()}};
  if (group_.rank() == 0)
    run_.save_checkpoint(state_.step, [&](const std::filesystem::path& folder) {
      io::write_atomic(folder / "state.json", state.dump(1), io::Durability::kNoSync);
      save_training_tensors(folder, optimizer_, scaler_, best_);
    });
  last_checkpoint_ = interval_begin_ = Clock::now();
}

bool TrainingLoop::restore() {
  const auto checkpoint = run_.restore_checkpoint();
  if (!checkpoint) return false;
  const nlohmann::json state = nlohmann::json::parse(io::read_file(checkpoint->folder / "state.json"));
  state_ = {.step = state.at("step"),
            .sampler = {.epoch = state.at("epoch"), .position = state.at("position")},
            .best_score = state.at("best_score"),
            .best_step = state.at("best_step"),
            .seconds = state.value("seconds", 0.0),
            .peak_bytes = state.at("peak_bytes")};
  restore_extra(state.at("extra"));
  sampler_.restore(state_.sampler);
  best_ = load_training_tensors(checkpoint->folder, optimizer_, scaler_, state_.step,
                                options_.keep_best && state_.best_step >= 0);
  log::info("resumed at step ", state_.step, " of ", options_.total_steps);
  return true;
}

void record_loop(const LoopSummary& summary, run::RunContext& run) {
  constexpr double kMiB = 1024.0 * 1024.0;
  const auto measured = [&](const std::string& name, double value, const std::string& unit,
                            results::Direction direction) {
    run.recorder.metric(
        {.name = name, .value = value, .unit = unit, .direction = direction, .repeat = results::Repeat::kMayVary});
  };
  run.recorder.metric({.name = "steps", .value = static_cast<double>(summary.steps)});
  run.recorder.metric({.name = "best_step", .value = static_cast<double>(summary.best_step)});
  measured("training_time", summary.seconds, "s", results::Direction::kLowerIsBetter);
  measured("peak_memory", static_cast<double>(summary.peak_bytes) / kMiB, "MiB", results::Direction::kLowerIsBetter);
  if (summary.tokens_per_second > 0)
    measured("tokens_per_second", summary.tokens_per_second, "1/s", results::Direction::kHigherIsBetter);
}

}  // namespace frugal
