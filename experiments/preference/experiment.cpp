#include "experiments/preference/experiment.h"

#include "core/error.h"
#include "experiments/device.h"
#include "experiments/language_subject.h"
#include "experiments/preference/trainer.h"
#include "experiments/recording.h"
#include "experiments/training/language_loop.h"
#include "experiments/training/parameters.h"

namespace frugal {
namespace {

using results::ColumnType;
using results::Direction;

std::vector<TokenizedPair> load_pairs(const std::vector<std::string>& files, const char* part,
                                      const PreferenceDatasetOptions& dataset, const PreferenceOptions& o,
                                      const LanguageSubject& subject, const tokenizers::Tokenizer& tokenizer,
                                      run::RunContext& run) {
  if (files.empty())
    throw Error(ErrorKind::kUsage, "missing_value", cat("dataset.", part, " names no file"), cat("dataset.", part),
                cat("dataset.", part, "=[a.jsonl]"));
  datasets::TextFileOptions options{.empty_system = dataset.empty_system};
  if (dataset.chat_template)
    options.chat_template = tokenizers::ChatTemplate::named(*dataset.chat_template);
  else
    options.chat_template = tokenizers::ChatTemplate::of_checkpoint(tokenizer_path(subject.options));
  const datasets::PreferenceSet set =
      datasets::load_preferences({files.begin(), files.end()}, options, cat("dataset/", part));
  for (const auto& source : set.sources) run.recorder.input(source.role, source.path);
  if (set.pairs.empty())
    throw Error(ErrorKind::kBadData, "too_few_pairs", "the files hold no pair", cat("dataset.", part));
  std::vector<TokenizedPair> pairs = tokenize_pairs(
      set.pairs, tokenizer,
      {.max_length = static_cast<size_t>(o.max_length), .max_prompt_length = static_cast<size_t>(o.max_prompt_length)});
  for (size_t i = 0; i < pairs.size(); ++i)
    for (const TokenIds* ids : {&pairs[i].prompt, &pairs[i].chosen, &pairs[i].rejected})
      check_tokens(*ids, subject.model->config(), set.pairs[i].id);
  return pairs;
}

void record_held_out(const std::vector<PairScore>& scores, run::RunContext& run) {
  run.recorder.declare_samples(
      {{.name = "id", .type = ColumnType::kInt64, .description = "held-out pair"},
       {.name = "loss", .unit = "nat"},
       {.name = "margin", .unit = "nat", .description = "beta times the difference of the answers' log-ratios"},
       {.name = "correct", .type = ColumnType::kBool, .description = "the preferred answer gained more"}});
  std::vector<double> loss, margin, correct;
  for (size_t i = 0; i < scores.size(); ++i) {
    run.recorder.sample({i, scores[i].loss, scores[i].margin, scores[i].margin > 0});
    loss.push_back(scores[i].loss);
    margin.push_back(scores[i].margin);
    correct.push_back(scores[i].margin > 0 ? 1 : 0);
  }
  record_mean(run, "loss", loss, Direction::kLowerIsBetter, "loss");
  record_mean(run, "margin", margin, Direction::kHigherIsBetter, "margin");
  record_mean(run, "accuracy", correct, Direction::kHigherIsBetter, "correct");
}

}  // namespace

void preference(run::RunContext& run) {
  const Json config = Json::parse(run.job.config.dump());
  const auto o = preference_options().read(config.value("experiment", Json()), "experiment");
  const auto dataset = preference_dataset_options().read(config.value("dataset", Json()), "dataset");
  const at::Device device = open_device(config.value("device", Json()), run);
  const Precision precision = training_precision(o, device, run);
  const LanguageSubject subject = open_student(config, device, run);
  const LanguageSubject reference =
      open_frozen(config.at("model"), config.value("method", Json()), precision, device, "reference", run);
  if (o.max_length > subject.model->config().max_positions)
    throw Error(ErrorKind::kUsage, "bad_value",
                cat("pairs of ", o.max_length, " tokens are more than the model's ",
                    subject.model->config().max_positions, " positions"),
                "experiment.max_length", cat("experiment.max_length=", subject.model->config().max_positions));
  record_parameters(*subject.model, run);
  const auto tokenizer = open_tokenizer(subject.options);
  PreferenceData data{.train = load_pairs(dataset.files, "files", dataset, o, subject, *tokenizer, run),
                      .held_out = load_pairs(dataset.eval_files, "eval_files", dataset, o, subject, *tokenizer, run)};
  if (dataset.limit && data.train.size() > static_cast<size_t>(*dataset.limit))
    data.train.resize(static_cast<size_t>(*dataset.limit));

  PreferenceTrainer trainer({.model = *subject.model, .reference = *reference.model}, data, o, precision, device, run);
  record_loop(trainer.train(), run);
  record_held_out(trainer.score_held_out(), run);
  save_trained(subject, o, run);
}

}  // namespace frugal
