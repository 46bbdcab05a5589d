#include "experiments/language_modelling/options.h"

#include <algorithm>

#include "core/error.h"
#include "models/options.h"

namespace frugal {

const OptionTable<LanguageModellingOptions>& language_modelling_options() {
  using O = LanguageModellingOptions;
  static const auto table =
      OptionTable<O>("perplexity of a language model over whole texts, by rolling windows")
          .add("batch_tokens", &O::batch_tokens,
               {.help = "of one batch of windows, padding included", .unit = "tokens", .min = 1, .max = 1 << 24})
          .add("precision", &O::precision,
               {.help = "type of weights and arithmetic; the softmax is fp32", .choices = {"fp32", "bf16", "fp16"}})
          .add("max_length", &O::max_length,
               {.help = "tokens of a window; null: the model's positions", .unit = "tokens", .min = 1, .max = 1 << 24})
          .add("least_context", &O::least_context,
               {.help = "tokens before the first scored one of a window, the first of a document aside; 1: the "
                        "harness's windows, which do not overlap",
                .unit = "tokens",
                .min = 1,
                .max = 1 << 24})
          .add("add_bos", &O::add_bos, {.help = "special tokens before every text; null: as the tokenizer has it"})
          .add("prefix_token", &O::prefix_token,
               {.help = "what predicts a document's first token; null: BOS, else EOS", .min = 0})
          .add("teacher", &O::teacher,
               {.help = "a second model, for the KL divergence on the same windows: none, base (the model without its "
                        "method), or a model: model@experiment.teacher=smollm2_135m"});
  return table;
}

void check_teacher(const Json& teacher, const std::vector<std::string>& words, const Locator& where) {
  if (teacher.is_object()) {
    model_options().read(teacher, "experiment.teacher", where);
    return;
  }
  if (teacher.is_string() && std::find(words.begin(), words.end(), teacher.get<std::string>()) != words.end()) return;
  std::string names;
  for (const std::string& word : words) names += word + ", ";
  throw Error(ErrorKind::kUsage, "bad_value",
              cat("'teacher' must be ", names, "or a model's keys, found ", teacher.dump()),
              where ? where("experiment.teacher") : "experiment.teacher", "model@experiment.teacher=smollm2_135m");
}

}  // namespace frugal
