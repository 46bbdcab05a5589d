#include "experiments/language_subject.h"

#include "core/error.h"
#include "core/io/resources.h"
#include "experiments/calibration.h"
#include "methods/calibration_options.h"
#include "methods/registry.h"
#include "models/language/load.h"

namespace frugal {
namespace {

template <typename Id>
void check_each(std::span<const Id> ids, const LanguageModelConfig& model, const std::string& where) {
  for (const int64_t id : ids)
    if (id < 0 || id >= model.vocabulary)
      throw Error(ErrorKind::kBadData, "token_out_of_vocabulary",
                  cat("the tokenizer gives id ", id, ", the model has ", model.vocabulary, " tokens"), where,
                  "model.tokenizer=DIR of the model's own tokenizer");
}

}  // namespace

LanguageSubject open_language_subject(const LanguageSubjectRequest& request) {
  LanguageSubject subject{.options = model_options().read(request.model, "model")};
  const ModelOptions& o = subject.options;
  if (o.path) subject.path = io::model_path(*o.path);
  const uint64_t seed = request.run.seeds.seed("init");
  std::unique_ptr<Method> method;
  if (!request.method.is_null()) {
    method = make_method(request.method);
    // Said before the weights are read.
    if (method->traits().needs_calibration && calibration_of_method(request.method).calibration_dataset.is_null())
      no_calibration(cat("method=", method->name(), " looks at activations before it is applied"));
  }
  LoadedLanguageModel loaded = load_language_model(o.architecture, subject.path, o.config, request.type, seed);
  for (const auto& file : loaded.files) request.run.recorder.input(request.role, file);
  loaded.model->parameters().to(request.device, request.type);
  subject.model = std::move(loaded.model);
  if (method) {
    const LanguageModelConfig config = subject.model->config();
    subject.model = method->apply(
        std::move(subject.model),
        {.init_seed = seed, .calibration = calibration_of(request.method, subject.options, config, request.run)});
  }
  return subject;
}

void record_cache(const LanguageModel& model, run::RunContext& run) {
  const LanguageModelConfig& c = model.config();
  const auto bytes = static_cast<double>(model.make_cache(1, 1)->bytes_per_token());
  const auto element = static_cast<double>(model.parameters().all().front().value.element_size());
  const double whole = 2 * element * static_cast<double>(c.layers * c.kv_heads * c.head_size);
  run.recorder.metric(
      {.name = "kv_bytes_per_token", .value = bytes, .unit = "B", .direction = results::Direction::kLowerIsBetter});
  run.recorder.metric({.name = "kv_share", .value = bytes / whole, .direction = results::Direction::kLowerIsBetter});
}

std::filesystem::path tokenizer_path(const ModelOptions& model) {
  if (!model.tokenizer && !model.path)
    throw Error(ErrorKind::kUsage, "no_tokenizer", "a model of random weights has no tokenizer beside it",
                "model.tokenizer", "model.tokenizer=DIR");
  return io::model_path(model.tokenizer ? *model.tokenizer : *model.path);
}

std::unique_ptr<tokenizers::Tokenizer> open_tokenizer(const ModelOptions& model) {
  return tokenizers::load_tokenizer(tokenizer_path(model));
}

void check_tokens(std::span<const int64_t> ids, const LanguageModelConfig& model, const std::string& where) {
  check_each(ids, model, where);
}

void check_tokens(std::span<const int32_t> ids, const LanguageModelConfig& model, const std::string& where) {
  check_each(ids, model, where);
}

void check_same_vocabulary(const LanguageModel& model, const LanguageModel& teacher) {
  if (model.config().vocabulary == teacher.config().vocabulary) return;
  throw Error(ErrorKind::kUsage, "vocabulary_differs",
              cat("the model has ", model.config().vocabulary, " tokens, the teacher ", teacher.config().vocabulary),
              "experiment.teacher", "a teacher with the model's tokenizer");
}

}  // namespace frugal
