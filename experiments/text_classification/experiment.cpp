#include "experiments/text_classification/experiment.h"

#include <algorithm>
#include <numeric>

#include "core/io/resources.h"
#include "core/log.h"
#include "experiments/data_root.h"
#include "experiments/device.h"
#include "experiments/text_classification/gradient_error.h"
#include "experiments/text_classification/trainer.h"
#include "experiments/training/parameters.h"
#include "methods/registry.h"
#include "metrics/statistics.h"
#include "models/nn/tensor_io.h"
#include "models/options.h"
#include "models/text/load.h"

namespace frugal {
namespace {

using results::ColumnType;
using results::Direction;
using results::Repeat;

struct Settings {
  TextClassificationOptions experiment;
  TextDatasetOptions dataset;
  ModelOptions model;
  std::string data_root;
};

Settings read_settings(const Json& config) {
  return {.experiment = text_classification_options().read(config.value("experiment", Json()), "experiment"),
          .dataset = text_dataset_options().read(config.value("dataset", Json()), "dataset"),
          .model = model_options().read(config.value("model", Json()), "model"),
          .data_root = data_root(config)};
}

ClassificationData load_data(const Settings& s, const std::filesystem::path& model_folder, run::RunContext& run) {
  DataRequest request{.dataset = s.dataset,
                      .root = s.data_root,
                      .tokenizer = model_folder,
                      .select_on_train_slice = s.experiment.select_on == "train_slice",
                      .train_slice = s.experiment.train_slice,
                      .train_slice_max = s.experiment.train_slice_max,
                      .seed = run.seeds.seed("split")};
  if (s.model.tokenizer) request.tokenizer = io::model_path(*s.model.tokenizer);
  ClassificationData data = load_classification_data(request);
  for (const auto& source : data.sources) run.recorder.input(source.role, source.path);
  for (const auto& note : data.notes) log::info("data: ", note);
  return data;
}

void record_samples(const EncodedSplit& split, const ClassificationData& data, const Predictions& predicted,
                    run::RunContext& run) {
  run.recorder.declare_samples(
      {{.name = "id", .type = ColumnType::kString, .description = "id in the split"},
       {.name = "prediction", .description = "class index, or score"},
       {.name = "target", .description = "class index, or score"},
       {.name = "correct", .type = ColumnType::kBool, .description = "prediction equals target (classes)"},
       {.name = "tokens", .type = ColumnType::kInt64, .description = "length with special tokens"}},
      {{.name = "logits", .unit = "", .description = "one a class"}});
  for (size_t i = 0; i < split.size(); ++i) {
    const results::Value row[] = {split.ids[i], predicted.value[i], split.targets[i],
                                  !data.regression && predicted.value[i] == split.targets[i],
                                  split.encodings[i].ids.size()};
    const std::vector<double> logits[] = {predicted.scores[i]};
    run.recorder.sample(row, logits);
  }
}

// Each score with its bootstrap interval over the examples.
void record_scores(const EncodedSplit& split, const ClassificationData& data, const Predictions& predicted,
                   run::RunContext& run) {
  const auto scores = score(data, split.targets, predicted.value);
  const uint64_t seed = run.seeds.seed("bootstrap");
  for (size_t m = 0; m < scores.size(); ++m) {
    const auto statistic = [&](std::span<const uint32_t> indices) {
      std::vector<double> targets, values;
      for (const uint32_t i : indices) {
        targets.push_back(split.targets[i]);
        values.push_back(predicted.value[i]);
      }
      return score(data, targets, values)[m].value;
    };
    const auto interval = metrics::bootstrap(split.size(), statistic, {.resamples = 500, .seed = seed});
    run.recorder.metric({.name = scores[m].name,
                         .value = scores[m].value,
                         .direction = Direction::kHigherIsBetter,
                         .ci_low = interval.low,
                         .ci_high = interval.high,
                         .count = static_cast<int64_t>(split.size()),
                         .sample_column = scores[m].name == "accuracy" ? "correct" : ""});
  }
  run.recorder.metric({.name = "eval_loss",
                       .value = predicted.loss,
                       .unit = "nat",
                       .direction = Direction::kLowerIsBetter,
                       .count = static_cast<int64_t>(split.size())});
}

void record_training(const TrainingSummary& t, run::RunContext& run) {
  constexpr double kMiB = 1024.0 * 1024.0;
  const auto measured = [&](const std::string& name, double value, const std::string& unit) {
    run.recorder.metric({.name = name,
                         .value = value,
                         .unit = unit,
                         .direction = Direction::kLowerIsBetter,
                         .repeat = Repeat::kMayVary});
  };
  run.recorder.metric({.name = "steps", .value = static_cast<double>(t.steps)});
  run.recorder.metric({.name = "selection_score", .value = t.best_score, .direction = Direction::kHigherIsBetter});
  run.recorder.metric({.name = "best_step", .value = static_cast<double>(t.best_step)});
  measured("activation_memory", static_cast<double>(t.activation_bytes) / kMiB, "MiB");
  measured("static_memory", static_cast<double>(t.static_bytes) / kMiB, "MiB");
  measured("peak_memory", static_cast<double>(t.peak_bytes) / kMiB, "MiB");
  if (t.step_seconds > 0) measured("step_time", t.step_seconds * 1e3, "ms");
}

// The first examples of the training set, with dropout, at the end of the training.
void record_gradient_errors(TextEncoder& model, const ClassificationData& data,
                            const TextClassificationOptions& options, const at::Device& device, run::RunContext& run) {
  std::vector<uint32_t> indices(std::min<size_t>(data.train.size(), static_cast<size_t>(options.batch_size)));
  std::iota(indices.begin(), indices.end(), 0);
  const Batch batch = make_batch(data.train, indices, data, {.pad_id = data.pad_id}, device);
  const Pass pass = Pass::train(run.seeds.seed("dropout"), -1, 0, 1);
  run.recorder.declare_series("gradient_error", "", "of the method's backward pass against autograd's; step: layer");
  double worst = 0;
  for (const auto& [layer, error] :
       gradient_errors(model, batch, pass, precision_named(options.precision), data.regression)) {
    run.recorder.series("gradient_error", layer, error);
    worst = std::max(worst, error);
  }
  run.recorder.metric({.name = "gradient_error", .value = worst, .direction = Direction::kLowerIsBetter});
}

}  // namespace

void text_classification(run::RunContext& run) {
  const Json config = Json::parse(run.job.config.dump());
  const Settings settings = read_settings(config);
  const at::Device device = open_device(config.value("device", Json()), run);
  check_precision(precision_named(settings.experiment.precision), device);
  const std::filesystem::path folder = settings.model.path ? io::model_path(*settings.model.path) : "";
  const ClassificationData data = load_data(settings, folder, run);

  LoadedTextEncoder loaded = load_text_encoder(settings.model.architecture, folder, settings.model.config,
                                               data.labels(), run.seeds.seed("init"));
  for (const auto& file : loaded.files) run.recorder.input("model", file);
  loaded.model->parameters().to(device, at::kFloat);
  const auto method = make_method(config.value("method", Json()));
  const auto model = method->apply(std::move(loaded.model), {.init_seed = run.seeds.seed("init")});
  record_parameters(*model, run);

  if (method->traits().trains) {
    Trainer trainer(*model, data, settings.experiment, device, run);
    if (run.job.dry_run) return trainer.plan();
    record_training(trainer.train(), run);
    if (method->traits().changes_backward) record_gradient_errors(*model, data, settings.experiment, device, run);
  } else if (run.job.dry_run) {
    const double each = seconds_per_example(*model, data.dev, data, batch_policy(settings.experiment),
                                            precision_named(settings.experiment.precision), device);
    return run.record_plan({{run::kPlanOtherSeconds, each * static_cast<double>(data.dev.size())},
                            {run::kPlanResultBytes, 50'000 + 400 * static_cast<double>(data.dev.size())}});
  }
  if (settings.experiment.final_evaluation) {
    const BatchPolicy policy = batch_policy(settings.experiment);
    run.recorder.provenance("evaluation.batch_policy", policy.text());
    const Predictions predicted = predict(*model, data.dev, data, policy,
                                          precision_named(settings.experiment.precision), Pass::evaluation(), device);
    record_samples(data.dev, data, predicted, run);
    record_scores(data.dev, data, predicted, run);
  }
  if (!settings.experiment.save_to.empty()) {
    std::filesystem::create_directories(settings.experiment.save_to);
    save_tensors(std::filesystem::path(settings.experiment.save_to) / "trained.safetensors",
                 model->parameters().trainable());
  }
}

}  // namespace frugal
