#include "experiments/multiple_choice/experiment.h"

#include <chrono>
#include <limits>
#include <map>

#include "core/error.h"
#include "core/log.h"
#include "core/run/signals.h"
#include "datasets/multiple_choice/benchmarks.h"
#include "experiments/data_root.h"
#include "experiments/device.h"
#include "experiments/language_subject.h"
#include "experiments/likelihood/scorer.h"
#include "experiments/multiple_choice/options.h"
#include "experiments/multiple_choice/questions.h"
#include "experiments/recording.h"
#include "experiments/training/precision.h"
#include "metrics/statistics.h"

namespace frugal {
namespace {

using results::ColumnType;
using results::Direction;
using Clock = std::chrono::steady_clock;

struct Settings {
  MultipleChoiceOptions experiment;
  MultipleChoiceDatasetOptions dataset;
  std::string data_root;
};

Settings read_settings(const Json& config) {
  return {.experiment = multiple_choice_options().read(config.value("experiment", Json()), "experiment"),
          .dataset = multiple_choice_dataset_options().read(config.value("dataset", Json()), "dataset"),
          .data_root = data_root(config)};
}

datasets::MultipleChoiceDataset load_dataset(const Settings& s, run::RunContext& run) {
  datasets::MultipleChoiceDataset dataset = datasets::load_multiple_choice({.root = s.data_root,
                                                                            .benchmark = s.dataset.benchmark,
                                                                            .split = s.dataset.split,
                                                                            .examples = s.dataset.shots > 0,
                                                                            .subjects = s.dataset.subjects,
                                                                            .prompt = s.dataset.prompt});
  for (const auto& source : dataset.sources) run.recorder.input(source.role, source.path);
  if (s.dataset.limit) {
    std::map<std::size_t, int64_t> taken;
    std::erase_if(dataset.questions, [&](const auto& q) { return ++taken[q.subject] > *s.dataset.limit; });
  }
  return dataset;
}

std::vector<std::string> prefixes_of(const datasets::MultipleChoiceDataset& dataset, const Settings& s,
                                     run::RunContext& run) {
  const auto order = s.dataset.examples == "drawn" ? datasets::ExampleOrder::kDrawn : datasets::ExampleOrder::kFirst;
  std::vector<std::string> prefixes;
  for (const auto& subject : dataset.subjects)
    prefixes.push_back(datasets::few_shot_prefix(subject, static_cast<std::size_t>(s.dataset.shots), order,
                                                 run.seeds.seed("examples")));
  return prefixes;
}

void record_accuracy(run::RunContext& run, const std::string& name, const std::vector<double>& right,
                     const std::string& column = {}) {
  record_mean(run, name, right, Direction::kHigherIsBetter, column);
}

void record_subjects(run::RunContext& run, const datasets::MultipleChoiceDataset& dataset,
                     const std::vector<std::vector<double>>& subjects) {
  if (dataset.subjects.size() < 2) return;
  std::map<std::string, std::vector<double>> categories;
  double macro = 0;
  for (std::size_t s = 0; s < subjects.size(); ++s) {
    const std::vector<double>& right = subjects[s];
    record_accuracy(run, "acc/" + dataset.subjects[s].name, right);
    macro += metrics::mean(right) / static_cast<double>(subjects.size());
    auto& category = categories[dataset.subjects[s].category];
    category.insert(category.end(), right.begin(), right.end());
  }
  run.recorder.metric({.name = "acc_macro",
                       .value = macro,
                       .direction = Direction::kHigherIsBetter,
                       .count = static_cast<int64_t>(subjects.size())});
  for (const auto& [category, right] : categories) record_accuracy(run, "acc/category/" + category, right);
}

void record_answers(run::RunContext& run, const datasets::MultipleChoiceDataset& dataset,
                    const PreparedQuestions& prepared, const std::vector<std::vector<ContinuationScore>>& scores) {
  run.recorder.declare_samples(
      {{.name = "id", .type = ColumnType::kString, .description = "id in the split"},
       {.name = "subject", .type = ColumnType::kString, .description = "part of the benchmark"},
       {.name = "target", .type = ColumnType::kInt64, .description = "index of the right choice"},
       {.name = "prediction", .type = ColumnType::kInt64, .description = "the most likely choice"},
       {.name = "prediction_norm", .type = ColumnType::kInt64, .description = "by likelihood over code points"},
       {.name = "correct", .type = ColumnType::kBool, .description = "prediction equals target"},
       {.name = "correct_norm", .type = ColumnType::kBool, .description = "prediction_norm equals target"}},
      {{.name = "loglik", .unit = "nat", .description = "of every choice, given its context"}});
  // 1 for right, 0 for wrong.
  std::vector<double> plain, by_characters, by_bytes;
  std::vector<std::vector<double>> subjects(dataset.subjects.size());
  for (std::size_t q = 0; q < dataset.questions.size(); ++q) {
    const datasets::Question& question = dataset.questions[q];
    std::vector<double> loglik;
    for (const ChoicePlace& place : prepared.places[q])
      loglik.push_back(scores[place.item][place.continuation].log_likelihood);
    const Answer answer = answer_of(question, loglik);
    const auto right = [&](std::size_t choice) { return choice == question.target; };
    const results::Value row[] = {question.id,
                                  dataset.subjects[question.subject].name,
                                  question.target,
                                  answer.plain,
                                  answer.by_characters,
                                  right(answer.plain),
                                  right(answer.by_characters)};
    const std::vector<double> lists[] = {loglik};
    run.recorder.sample(row, lists);
    plain.push_back(right(answer.plain) ? 1 : 0);
    by_characters.push_back(right(answer.by_characters) ? 1 : 0);
    by_bytes.push_back(right(answer.by_bytes) ? 1 : 0);
    subjects[question.subject].push_back(plain.back());
  }
  record_accuracy(run, "acc", plain, "correct");
  record_accuracy(run, "acc_norm", by_characters, "correct_norm");
  record_accuracy(run, "acc_bytes", by_bytes);
  record_subjects(run, dataset, subjects);
}

void record_work(run::RunContext& run, const ScoringPlan& plan, const PreparedQuestions& prepared,
                 double preparing_seconds, double scoring_seconds) {
  const auto count = [&](const std::string& name, std::size_t value) {
    run.recorder.metric({.name = name, .value = static_cast<double>(value)});
  };
  count("tokens", plan.tokens);
  count("tokens_alone", plan.tokens_alone);
  count("truncated", prepared.truncated);
  record_seconds(run, "preparing_time", preparing_seconds);
  record_seconds(run, "scoring_time", scoring_seconds);
}

}  // namespace

void multiple_choice(run::RunContext& run) {
  const Json config = Json::parse(run.job.config.dump());
  const Settings s = read_settings(config);
  const at::Device device = open_device(config.value("device", Json()), run);
  const datasets::MultipleChoiceDataset dataset = load_dataset(s, run);
  const at::ScalarType type = weight_type(s.experiment.precision);
  const LanguageSubject subject = open_language_subject({.model = config.at("model"),
                                                         .method = config.value("method", Json()),
                                                         .device = device,
                                                         .type = type,
                                                         .run = run});
  LanguageModel& model = *subject.model;

  const auto begin = Clock::now();
  const auto tokenizer = open_tokenizer(subject.options);
  const auto longest = static_cast<std::size_t>(s.experiment.max_length.value_or(model.config().max_positions));
  const PairEncoder encoder(*tokenizer, s.experiment.add_bos);
  const PreparedQuestions prepared =
      prepare_questions(dataset, prefixes_of(dataset, s, run), encoder,
                        {.max_length = longest, .share_contexts = s.experiment.share_prefixes});
  const ScoringPlan plan =
      make_plan(prepared.items, {.batch_tokens = static_cast<std::size_t>(s.experiment.batch_tokens),
                                 .batch_rows = static_cast<std::size_t>(s.experiment.batch_rows),
                                 .least_prefix = s.experiment.share_prefixes ? 16U : 0U});
  const double preparing_seconds = seconds_since(begin);

  run.restore_checkpoint();  // none: an interrupted scoring starts again
  const auto begin_scoring = Clock::now();
  const auto scores = score_items(model, prepared.items, plan, device, [&](std::size_t) {
    if (run.stop_requested()) throw run::Interrupted(run::requested_signal());
  });
  const double scoring_seconds = seconds_since(begin_scoring);
  record_answers(run, dataset, prepared, scores);
  record_work(run, plan, prepared, preparing_seconds, scoring_seconds);
}

}  // namespace frugal
