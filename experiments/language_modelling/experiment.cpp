#include "experiments/language_modelling/experiment.h"

#include <chrono>

#include "core/error.h"
#include "core/log.h"
#include "core/run/signals.h"
#include "experiments/data_root.h"
#include "experiments/device.h"
#include "experiments/documents/load.h"
#include "experiments/language_modelling/options.h"
#include "experiments/language_modelling/report.h"
#include "experiments/language_subject.h"
#include "experiments/recording.h"
#include "experiments/training/precision.h"

namespace frugal {
namespace {

using Clock = std::chrono::steady_clock;

struct Prepared {
  std::vector<Window> windows;
  std::size_t tokens = 0;
};

int64_t prefix_token(const LanguageModellingOptions& o, const tokenizers::Tokenizer& tokenizer) {
  const auto& special = tokenizer.special_tokens();
  if (o.prefix_token) return *o.prefix_token;
  if (special.bos) return *special.bos;
  if (special.eos) return *special.eos;
  throw Error(ErrorKind::kBadData, "no_prefix_token", "the tokenizer has no BOS or EOS to start a document with",
              "experiment.prefix_token", "experiment.prefix_token=ID");
}

Prepared prepare(const LanguageModellingOptions& o, const datasets::DocumentSet& set,
                 const tokenizers::Tokenizer& tokenizer, const LanguageModelConfig& model) {
  const auto length = static_cast<std::size_t>(o.max_length.value_or(model.max_positions));
  if (static_cast<std::size_t>(o.least_context) > length)
    throw Error(ErrorKind::kUsage, "bad_value", cat("a window of ", length, " tokens holds no context of that length"),
                "experiment.least_context");
  const PairEncoder encoder(tokenizer, o.add_bos);
  const int64_t prefix = prefix_token(o, tokenizer);
  check_tokens(std::span(&prefix, 1), model, "experiment.prefix_token");
  Prepared out;
  for (std::size_t d = 0; d < set.documents.size(); ++d) {
    const TokenIds ids = encoder.encode(set.documents[d].text);
    check_tokens(ids, model, set.documents[d].id);
    out.tokens += ids.size();
    for (Window& window : rolling_windows(ids, prefix, length, static_cast<std::size_t>(o.least_context), d))
      out.windows.push_back(std::move(window));
  }
  if (out.windows.empty()) throw Error(ErrorKind::kBadData, "no_documents", "the texts have no token", "dataset");
  return out;
}

LanguageSubject open(const Json& model, const Json& method, const char* role, const LanguageModellingOptions& o,
                     const at::Device& device, run::RunContext& run) {
  return open_language_subject(
      {.model = model, .method = method, .device = device, .type = weight_type(o.precision), .run = run, .role = role});
}

void record_work(run::RunContext& run, const Prepared& prepared, double preparing_seconds, double scoring_seconds) {
  run.recorder.metric({.name = "tokens", .value = static_cast<double>(prepared.tokens)});
  run.recorder.metric({.name = "windows", .value = static_cast<double>(prepared.windows.size())});
  record_seconds(run, "preparing_time", preparing_seconds);
  record_seconds(run, "scoring_time", scoring_seconds);
}

}  // namespace

void language_modelling(run::RunContext& run) {
  const Json config = Json::parse(run.job.config.dump());
  const auto o = language_modelling_options().read(config.value("experiment", Json()), "experiment");
  const auto dataset = document_dataset_options().read(config.value("dataset", Json()), "dataset");
  const ModelOptions model_keys = model_options().read(config.at("model"), "model");
  const at::Device device = open_device(config.value("device", Json()), run);
  const auto tokenizer = open_tokenizer(model_keys);
  const datasets::DocumentSet set =
      load_documents({.dataset = dataset, .root = data_root(config), .checkpoint = tokenizer_path(model_keys)});
  for (const auto& source : set.sources) run.recorder.input(source.role, source.path);
  for (const auto& note : set.notes) log::info("data: ", note);

  const LanguageSubject subject = open(config.at("model"), config.value("method", Json()), "model", o, device, run);
  LanguageSubject teacher;
  if (o.teacher.is_object())
    teacher = open(o.teacher, nullptr, "teacher", o, device, run);
  else if (o.teacher == "base")
    teacher = open(config.at("model"), nullptr, "teacher", o, device, run);
  if (teacher.model) check_same_vocabulary(*subject.model, *teacher.model);

  const auto begin = Clock::now();
  const Prepared prepared = prepare(o, set, *tokenizer, subject.model->config());
  const double preparing_seconds = seconds_since(begin);
  run.restore_checkpoint();  // none: an interrupted scoring starts again
  const auto begin_scoring = Clock::now();
  const auto scores = score_windows({.model = *subject.model,
                                     .teacher = teacher.model.get(),
                                     .batch_tokens = static_cast<std::size_t>(o.batch_tokens),
                                     .device = device},
                                    prepared.windows, set.documents.size(), [&] {
                                      if (run.stop_requested()) throw run::Interrupted(run::requested_signal());
                                    });
  const double scoring_seconds = seconds_since(begin_scoring);
  record_documents(run, set, scores, teacher.model != nullptr);
  record_cache(*subject.model, run);
  record_work(run, prepared, preparing_seconds, scoring_seconds);
}

}  // namespace frugal
