#include "experiments/training/language_loop.h"

#include "core/error.h"
#include "core/log.h"
#include "experiments/parallel/collectives.h"
#include "methods/registry.h"
#include "models/language/load.h"

namespace frugal {
namespace {

namespace fs = std::filesystem;

void copy_tokenizer(const fs::path& from, const fs::path& to) {
  if (!fs::is_directory(from)) {
    log::info("the tokenizer is inside of ", from.string(), ": give it with model.tokenizer when loading ",
              to.string());
    return;
  }
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
        "merges.txt", "tokenizer.model", "chat_template.jinja", "generation_config.json"})
    if (fs::is_regular_file(from / name)) fs::copy_file(from / name, to / name, fs::copy_options::overwrite_existing);
}

}  // namespace

LoopOptions loop_options(const LanguageTrainingOptions& o, int64_t total_steps, int64_t step_tokens) {
  return {.total_steps = total_steps,
          .gradient_accumulation = o.gradient_accumulation,
          .step_tokens = step_tokens,
          .learning_rate = o.learning_rate,
          .warmup_ratio = o.warmup_ratio,
          .max_grad_norm = o.max_grad_norm,
          .schedule = o.schedule,
          .adamw = {.form = AdamWForm::kTorch,
                    .beta1 = o.beta1,
                    .beta2 = o.beta2,
                    .eps = o.adam_eps,
                    .weight_decay = o.weight_decay},
          .eval_steps = o.eval_steps,
          .log_steps = o.log_steps,
          .keep_best = o.keep == "best",
          .checkpoint_steps = o.checkpoint_steps,
          .checkpoint_minutes = o.checkpoint_minutes,
          .trace = o.trace};
}

Precision training_precision(const LanguageTrainingOptions& o, const at::Device& device, run::RunContext& run) {
  const std::string chosen = o.precision != "auto" ? o.precision : device.is_cuda() ? "bf16" : "fp32";
  run.recorder.provenance("precision", chosen);
  const Precision precision = precision_named(chosen);
  check_precision(precision, device);
  return precision;
}

LanguageSubject open_student(const Json& config, const at::Device& device, run::RunContext& run) {
  const Json method = config.value("method", Json());
  LanguageSubject student =
      open_language_subject({.model = config.at("model"), .method = method, .device = device, .run = run});
  // A method that chooses what trains has done so; else all of it does.
  ParameterSet& parameters = student.model->parameters();
  if (method.is_null() || !make_method(method)->traits().trains || parameters.trainable().empty())
    parameters.set_trainable([](std::string_view) { return true; });
  return student;
}

LanguageSubject open_frozen(const Json& model, const Json& method, Precision precision, const at::Device& device,
                            std::string_view role, run::RunContext& run) {
  LanguageSubject frozen = open_language_subject({.model = model,
                                                  .method = method,
                                                  .device = device,
                                                  .type = precision == Precision::kBf16 ? at::kBFloat16 : at::kFloat,
                                                  .run = run,
                                                  .role = role});
  frozen.model->parameters().set_trainable([](std::string_view) { return false; });
  share_weights(frozen.model->parameters(), collectives_of(run));
  return frozen;
}

void save_trained(const LanguageSubject& subject, const LanguageTrainingOptions& options, run::RunContext& run) {
  if (options.save_to == "none" || collectives_of(run).rank() != 0) return;
  const auto* decoder = dynamic_cast<const Decoder*>(subject.model.get());
  if (decoder == nullptr)
    throw Error(ErrorKind::kUsage, "cannot_save", "the method's model has no checkpoint layout", "experiment.save_to",
                "experiment.save_to=none");
  const fs::path folder = options.save_to ? fs::path(*options.save_to) : run.job.run_dir / "model";
  subject.model->parameters().to(at::kCPU, weight_type(options.save_type));
  save_language_model(folder, *decoder);
  copy_tokenizer(tokenizer_path(subject.options), folder);
  run.recorder.provenance("model.saved_to", fs::absolute(folder).string());
  log::info("model saved to ", folder.string());
}

}  // namespace frugal
