#include "experiments/text_classification/trainer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/file.h"
#include "core/log.h"
#include "core/run/signals.h"
#include "experiments/recording.h"
#include "experiments/training/snapshot.h"
#include "experiments/training/step.h"
#include "models/nn/cuda_support.h"
#include "models/nn/memory.h"

namespace frugal {
namespace {

constexpr int64_t kTimedSteps = 100;  // on CUDA later steps are not synchronised, so not timed

std::vector<uint32_t> lengths_of(const EncodedSplit& split) {
  std::vector<uint32_t> lengths;
  for (const auto& encoding : split.encodings) lengths.push_back(static_cast<uint32_t>(encoding.ids.size()));
  return lengths;
}

AdamWOptions adamw_options(const TextClassificationOptions& o) {
  return {.form = o.optimizer == "adamw_torch" ? AdamWForm::kTorch : AdamWForm::kHuggingFace,
          .beta1 = o.beta1,
          .beta2 = o.beta2,
          .eps = o.adam_eps,
          .weight_decay = o.weight_decay};
}

datasets::SamplerOptions sampler_options(const TextClassificationOptions& o, uint64_t seed) {
  return {.batch_size = static_cast<size_t>(o.batch_size), .seed = seed, .group_by_length = o.group_by_length};
}

int64_t steps_per_epoch(const TextClassificationOptions& o, size_t examples) {
  const auto batches = (static_cast<int64_t>(examples) + o.batch_size - 1) / o.batch_size;
  return std::max<int64_t>(1, batches / o.gradient_accumulation);
}

}  // namespace

int64_t Trainer::total_steps(const TextClassificationOptions& o, size_t examples) {
  return o.max_steps.value_or(o.epochs * steps_per_epoch(o, examples));
}

Trainer::Trainer(TextEncoder& model, const ClassificationData& data, const TextClassificationOptions& options,
                 const at::Device& device, run::RunContext& run)
    : model_(model),
      data_(data),
      options_(options),
      device_(device),
      run_(run),
      precision_(precision_named(options.precision)),
      scaler_(precision_, device),
      optimizer_(model.parameters().trainable(), adamw_options(options)),
      sampler_(lengths_of(data.train), sampler_options(options, run.seeds.seed("data"))),
      total_steps_(total_steps(options, data.train.size())),
      steps_per_epoch_(steps_per_epoch(options, data.train.size())),
      schedule_{.kind = schedule_named(options.schedule),
                .warmup_steps = warmup_steps(options.warmup_ratio, total_steps_),
                .total_steps = total_steps_} {
  run_.recorder.declare_series("train/loss", "nat", "mean loss of the step's examples");
  run_.recorder.declare_series("train/learning_rate", "", "rate of the step");
  run_.recorder.declare_series("train/gradient_norm", "", "joint norm of all gradients before clipping");
}

bool Trainer::finished() const {
  const bool patient =
      options_.early_stop_patience == 0 || state_.evaluations_since_best < options_.early_stop_patience;
  return state_.step >= total_steps_ || !patient;
}

TrainingSummary Trainer::train() {
  restore();
  while (!finished()) {
    one_step();
    if (selection_due()) select();
    const bool stop = run_.stop_requested();
    if (stop || (checkpoint_due() && !finished())) save_checkpoint();
    if (stop) throw run::Interrupted(run::requested_signal());
  }
  if (options_.keep_best && !best_.empty()) copy_into(best_, optimizer_.parameters());
  TrainingSummary summary{.steps = state_.step,
                          .best_score = state_.best_score,
                          .best_step = state_.best_step,
                          .activation_bytes = state_.activation_bytes,
                          .peak_bytes = state_.peak_bytes,
                          .static_bytes = static_bytes(model_.parameters(), &optimizer_)};
  if (!step_ns_.empty()) {
    std::nth_element(step_ns_.begin(), step_ns_.begin() + static_cast<std::ptrdiff_t>(step_ns_.size() / 2),
                     step_ns_.end());
    summary.step_seconds = static_cast<double>(step_ns_[step_ns_.size() / 2]) * 1e-9;
  }
  return summary;
}

void Trainer::plan() {
  constexpr int64_t kSteps = 8, kColdSteps = 3;
  std::vector<double> seconds;
  for (int64_t step = 0; step < std::min(kSteps, total_steps_) && !run_.stop_requested(); ++step) {
    const auto begin = std::chrono::steady_clock::now();
    one_step();
    if (step >= kColdSteps || total_steps_ <= kColdSteps) seconds.push_back(seconds_since(begin));
  }
  if (run_.stop_requested()) throw run::Interrupted(run::requested_signal());
  std::sort(seconds.begin(), seconds.end());
  const double step_seconds = seconds.empty() ? 0 : seconds[seconds.size() / 2];
  const auto begin_save = std::chrono::steady_clock::now();
  save_checkpoint();
  const double save_seconds = seconds_since(begin_save);
  double checkpoint_bytes = 0;  // with the best parameters, which later checkpoints hold too
  for (const auto& parameter : optimizer_.parameters())
    checkpoint_bytes += static_cast<double>(parameter.value.nbytes());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(run_.job.run_dir / "checkpoints"))
    if (entry.is_regular_file()) checkpoint_bytes += static_cast<double>(entry.file_size());
  const EncodedSplit& whole = data_.selection.size() > 0 ? data_.selection : data_.dev;
  const double example_seconds = seconds_per_example(model_, whole, data_, batch_policy(options_), precision_, device_);
  const double steps = static_cast<double>(total_steps_);
  const double selections =
      std::ceil(steps / static_cast<double>(std::max<int64_t>(1, steps_per_epoch_ / options_.evaluations_per_epoch)));
  const double scored = selections * static_cast<double>(whole.size()) +
                        (options_.final_evaluation ? static_cast<double>(data_.dev.size()) : 0);
  const double minutes = step_seconds * steps / 60;
  const double saves = options_.checkpoint_steps ? std::floor(steps / static_cast<double>(*options_.checkpoint_steps))
                       : options_.checkpoint_minutes ? std::floor(minutes / *options_.checkpoint_minutes)
                                                     : 0;
  // A point of a series is 40 bytes in the journal and 24 in the result file before it is packed; a sample's row a
  // hundred and its logits.
  const double row = 100 + 8 * static_cast<double>(data_.labels());
  run_.record_plan(
      {{run::kPlanSteps, steps},
       {run::kPlanStepSeconds, step_seconds},
       {run::kPlanOtherSeconds, scored * example_seconds + saves * save_seconds},
       {run::kPlanPeakBytes, static_cast<double>(state_.peak_bytes)},
       {run::kPlanCheckpointBytes, checkpoint_bytes},
       {run::kPlanCheckpoints, std::min(saves, static_cast<double>(run_.kept_checkpoints()))},
       {run::kPlanResultBytes, 50'000 + 64 * 3 * steps + 2 * row * static_cast<double>(data_.dev.size())}});
}

void Trainer::one_step() {
  const auto begin = std::chrono::steady_clock::now();
  optimizer_.zero_grad();
  double loss = 0;
  for (int64_t micro = 0; micro < options_.gradient_accumulation; ++micro) loss += micro_batch(micro);
  loss /= static_cast<double>(options_.gradient_accumulation);
  double norm = 0;
  if (scaler_.unscale(optimizer_.parameters())) {
    norm = clip_gradients(optimizer_.parameters(), options_.max_grad_norm).item<double>();
    optimizer_.step(options_.learning_rate * schedule_.factor(state_.step));
  } else {
    log::info("step ", state_.step, ": gradients overflow in fp16, step skipped, loss scale was ", scaler_.value());
  }
  scaler_.update();
  if (device_.is_cuda() && static_cast<int64_t>(step_ns_.size()) < kTimedSteps) cuda::synchronize();
  if (!std::isfinite(loss))
    throw Error(ErrorKind::kRunFailed, "loss_not_finite", cat("the loss is ", loss, " at step ", state_.step),
                "experiment", "a lower experiment.learning_rate, or another precision");
  record_step(loss, norm, std::chrono::steady_clock::now() - begin);
  ++state_.step;
  state_.sampler = sampler_.state();
}

double Trainer::micro_batch(int64_t micro) {
  const tokenizers::PadOptions padding{.pad_id = data_.pad_id,
                                       .pad_to_multiple_of = static_cast<size_t>(options_.pad_to_multiple_of)};
  const Batch batch = make_batch(data_.train, sampler_.next(), data_, padding, device_);
  const Pass pass = Pass::train(run_.seeds.seed("dropout"), state_.step, micro, progress());
  const memory::PeakMeter meter(device_);
  const at::Tensor loss = forward_backward(
      [&] { return classification_loss(model_.forward(batch.inputs, pass).logits, batch.targets, data_.regression); },
      {.precision = precision_, .scaler = scaler_, .micro_batches = options_.gradient_accumulation}, device_);
  state_.peak_bytes = std::max(state_.peak_bytes, meter.peak());
  state_.activation_bytes = std::max(state_.activation_bytes, meter.activations());
  return loss.item<double>();
}

void Trainer::record_step(double loss, double norm, std::chrono::nanoseconds duration) {
  run_.recorder.series("train/loss", state_.step, loss);
  run_.recorder.series("train/learning_rate", state_.step, options_.learning_rate * schedule_.factor(state_.step));
  run_.recorder.series("train/gradient_norm", state_.step, norm);
  for (const auto& [name, value] : model_.diagnostics()) run_.recorder.series("train/" + name, state_.step, value);
  const bool timed = !device_.is_cuda() || static_cast<int64_t>(step_ns_.size()) < kTimedSteps;
  if (!timed) return;
  const bool cold = state_.step < options_.timing_warmup_steps;
  run_.recorder.timing({.phase = "train_step", .index = state_.step, .ns = duration.count(), .cold = cold});
  if (!cold) step_ns_.push_back(duration.count());
}

bool Trainer::selection_due() const {
  if (state_.step == total_steps_) return true;
  const int64_t every = std::max<int64_t>(1, steps_per_epoch_ / options_.evaluations_per_epoch);
  return state_.step % every == 0;
}

void Trainer::select() {
  const EncodedSplit& split = data_.selection.size() > 0 ? data_.selection : data_.dev;
  const Predictions predicted =
      predict(model_, split, data_, batch_policy(options_), precision_, Pass::evaluation(progress()), device_);
  const auto scores = score(data_, split.targets, predicted.value);
  const auto wanted =
      std::find_if(scores.begin(), scores.end(), [&](const auto& s) { return s.name == options_.metric; });
  if (wanted == scores.end() && !options_.metric.empty())
    throw Error(ErrorKind::kUsage, "bad_value", cat("this task has no metric '", options_.metric, "'"),
                "experiment.metric", scores.front().name);
  for (const auto& s : scores) run_.recorder.series("selection/" + s.name, state_.step, s.value);
  run_.recorder.series("selection/loss", state_.step, predicted.loss);
  const double value = (wanted == scores.end() ? scores.front() : *wanted).value;
  // NaN (a correlation of constant predictions) never counts as better.
  if (state_.best_step >= 0 && !(value > state_.best_score)) {
    ++state_.evaluations_since_best;
    return;
  }
  state_.best_score = std::isnan(value) ? -2 : value;
  state_.best_step = state_.step;
  state_.evaluations_since_best = 0;
  best_ = host_copies(optimizer_.parameters());
}

bool Trainer::checkpoint_due() const {
  return frugal::checkpoint_due(state_.step, options_.checkpoint_steps, options_.checkpoint_minutes, last_checkpoint_);
}

void Trainer::save_checkpoint() {
  const nlohmann::json state = {{"step", state_.step},
                                {"epoch", state_.sampler.epoch},
                                {"position", state_.sampler.position},
                                {"best_score", state_.best_score},
                                {"best_step", state_.best_step},
                                {"evaluations_since_best", state_.evaluations_since_best},
                                {"activation_bytes", state_.activation_bytes},
                                {"peak_bytes", state_.peak_bytes}};
  run_.save_checkpoint(state_.step, [&](const std::filesystem::path& folder) {
    io::write_atomic(folder / "state.json", state.dump(1), io::Durability::kNoSync);
    save_training_tensors(folder, optimizer_, scaler_, best_);
  });
  last_checkpoint_ = std::chrono::steady_clock::now();
}

void Trainer::restore() {
  const auto checkpoint = run_.restore_checkpoint();
  if (!checkpoint) return;
  const auto& folder = checkpoint->folder;
  std::ifstream file(folder / "state.json");
  const nlohmann::json state = nlohmann::json::parse(file);
  state_ = {.step = state.at("step"),
            .sampler = {.epoch = state.at("epoch"), .position = state.at("position")},
            .best_score = state.at("best_score"),
            .best_step = state.at("best_step"),
            .evaluations_since_best = state.at("evaluations_since_best"),
            .activation_bytes = state.at("activation_bytes"),
            .peak_bytes = state.at("peak_bytes")};
  sampler_.restore(state_.sampler);
  best_ = load_training_tensors(folder, optimizer_, scaler_, state_.step, state_.best_step >= 0);
  log::info("resumed at step ", state_.step, " of ", total_steps_);
}

}  // namespace frugal
