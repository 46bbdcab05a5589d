#include "experiments/distillation/experiment.h"

#include <ATen/ops/from_blob.h>

#include "core/error.h"
#include "core/log.h"
#include "experiments/data_root.h"
#include "experiments/device.h"
#include "experiments/distillation/pack.h"
#include "experiments/distillation/trainer.h"
#include "experiments/documents/load.h"
#include "experiments/language_subject.h"
#include "experiments/likelihood/rates.h"
#include "experiments/training/language_loop.h"
#include "experiments/training/parameters.h"

namespace frugal {
namespace {

using results::Direction;

at::Tensor rows_of(const PackedText& packed) {
  return at::from_blob(const_cast<int32_t*>(packed.ids.data()),
                       {static_cast<int64_t>(packed.sequences()), static_cast<int64_t>(packed.seq_len)}, at::kInt)
      .clone();
}

at::Tensor pack(const datasets::DocumentSet& set, const char* part, const tokenizers::Tokenizer& tokenizer,
                const DistillationOptions& o, const LanguageModelConfig& model, run::RunContext& run) {
  const PackedText packed = pack_documents(
      set.documents, tokenizer,
      {.seq_len = static_cast<size_t>(o.seq_len), .special_tokens = o.special_tokens, .threads = run.job.threads});
  if (packed.sequences() == 0)
    throw Error(ErrorKind::kBadData, "too_few_sequences",
                cat("the ", part, " text has ", packed.stream, " tokens, not one sequence of ", o.seq_len), "dataset",
                "more text, or a smaller experiment.seq_len");
  check_tokens(packed.ids, model, cat("dataset, ", part, " text"));
  run.recorder.provenance(cat("data.", part, ".sha256"), packed.sha256);
  run.recorder.metric({.name = cat(part, "_sequences"), .value = static_cast<double>(packed.sequences())});
  log::info(part, " text: ", set.documents.size(), " documents, ", packed.stream, " tokens, ", packed.sequences(),
            " sequences of ", o.seq_len);
  return rows_of(packed);
}

DistillationData load_data(const Json& config, const DistillationOptions& o, const LanguageSubject& student,
                           run::RunContext& run) {
  const auto dataset = document_dataset_options().read(config.value("dataset", Json()), "dataset");
  const DocumentRequest request{
      .dataset = dataset, .root = data_root(config), .checkpoint = tokenizer_path(student.options)};
  const auto tokenizer = open_tokenizer(student.options);
  DocumentSplit split;
  if (dataset.eval_files.empty())
    split = hold_out(load_documents(request), dataset.held_out, run.seeds.seed("split"));
  else
    split = {.train = load_documents(request), .held_out = load_eval_documents(request)};
  for (const auto* part : {&split.train, &split.held_out}) {
    for (const auto& source : part->sources) run.recorder.input(source.role, source.path);
    for (const auto& note : part->notes) log::info("data: ", note);
  }
  const LanguageModelConfig& model = student.model->config();
  DistillationData data{.train = pack(split.train, "train", *tokenizer, o, model, run),
                        .held_out = pack(split.held_out, "held_out", *tokenizer, o, model, run)};
  if (o.eval_sequences) data.held_out = data.held_out.slice(0, 0, *o.eval_sequences);
  return data;
}

void check_lengths(const DistillationOptions& o, const LanguageModel& model, const char* whose) {
  if (o.seq_len <= model.config().max_positions) return;
  throw Error(ErrorKind::kUsage, "bad_value",
              cat("sequences of ", o.seq_len, " tokens are more than the ", whose, "'s ", model.config().max_positions,
                  " positions"),
              "experiment.seq_len", cat("experiment.seq_len=", model.config().max_positions));
}

void record_training(const LoopSummary& summary, const DistillationTrainer& trainer, const DistillationData& data,
                     LanguageModel& student, run::RunContext& run) {
  record_loop(summary, run);
  const auto figure = [&](const std::string& name, double value, Direction direction = Direction::kNone) {
    run.recorder.metric({.name = name, .value = value, .direction = direction});
  };
  const auto tokens = static_cast<double>(summary.steps * trainer.step_tokens());
  figure("trained_tokens", tokens);
  figure("passes", tokens / static_cast<double>(data.train.numel()));
  figure("start_kl", trainer.start().kl, Direction::kLowerIsBetter);
  figure("start_perplexity", trainer.start().perplexity, Direction::kLowerIsBetter);
  figure("best_kl", summary.best_score, Direction::kLowerIsBetter);
  record_cache(student, run);
}

void record_held_out(const std::vector<DocumentScore>& scores, run::RunContext& run) {
  run.recorder.declare_samples(
      {{.name = "id", .type = results::ColumnType::kInt64, .description = "held-out sequence"},
       {.name = "tokens", .type = results::ColumnType::kInt64, .description = "predicted"},
       {.name = "loglik", .unit = "nat", .description = "of its tokens behind the first"},
       {.name = "teacher_loglik", .unit = "nat", .description = "the teacher's"},
       {.name = "kl", .unit = "nat", .description = "KL(teacher || student), summed over its tokens"},
       {.name = "agreed",
        .type = results::ColumnType::kInt64,
        .description = "tokens where both expect the same one most"}});
  for (size_t i = 0; i < scores.size(); ++i)
    run.recorder.sample({i, scores[i].tokens, scores[i].log_likelihood, scores[i].teacher_log_likelihood, scores[i].kl,
                         scores[i].agreed});
  record_token_rates(run, scores, /*with_teacher=*/true);
}

}  // namespace

void distillation(run::RunContext& run) {
  const Json config = Json::parse(run.job.config.dump());
  const auto o = distillation_options().read(config.value("experiment", Json()), "experiment");
  const at::Device device = open_device(config.value("device", Json()), run);
  const Precision precision = training_precision(o, device, run);
  const LanguageSubject student = open_student(config, device, run);
  const LanguageSubject teacher =
      open_frozen(o.teacher.is_object() ? o.teacher : config.at("model"), nullptr, precision, device, "teacher", run);
  check_same_vocabulary(*student.model, *teacher.model);
  check_lengths(o, *student.model, "model");
  check_lengths(o, *teacher.model, "teacher");
  record_parameters(*student.model, run);
  const DistillationData data = load_data(config, o, student, run);

  const TeachingPair pair{
      .student = *student.model, .teacher = *teacher.model, .precision = precision, .device = device};
  DistillationTrainer trainer(pair, data, o, run);
  const LoopSummary summary = trainer.train();
  record_training(summary, trainer, data, *student.model, run);
  record_held_out(score_sequences(pair, data.held_out, o.batch_size, collectives_of(run)), run);
  save_trained(student, o, run);
}

}  // namespace frugal
