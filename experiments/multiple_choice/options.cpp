#include "experiments/multiple_choice/options.h"

namespace frugal {

const OptionTable<MultipleChoiceOptions>& multiple_choice_options() {
  using O = MultipleChoiceOptions;
  static const auto table =
      OptionTable<O>("likelihood of the choices of a question, by a language model")
          .add("batch_tokens", &O::batch_tokens,
               {.help = "of the contexts of one batch, padding included", .unit = "tokens", .min = 1, .max = 1 << 24})
          .add("batch_rows", &O::batch_rows, {.help = "sequences of one batch", .min = 1, .max = 1 << 16})
          .add("precision", &O::precision,
               {.help = "type of weights and arithmetic; the softmax is fp32", .choices = {"fp32", "bf16", "fp16"}})
          .add("max_length", &O::max_length,
               {.help = "longest context with its continuation, cut on the left; null: the model's positions",
                .unit = "tokens",
                .min = 2,
                .max = 1 << 24})
          .add("add_bos", &O::add_bos, {.help = "special tokens before every text; null: as the tokenizer has it"})
          .add("share_prefixes", &O::share_prefixes,
               {.help = "compute what contexts begin with alike, and the context of several choices, once"});
  return table;
}

const OptionTable<MultipleChoiceDatasetOptions>& multiple_choice_dataset_options() {
  using O = MultipleChoiceDatasetOptions;
  static const auto table =
      OptionTable<O>("questions with choices, prompts of lm-evaluation-harness")
          .add("name", &O::name, {.help = "reader", .choices = {"multiple_choice"}})
          .add("benchmark", &O::benchmark,
               {.help = "which one",
                .choices = {"arc_easy", "arc_challenge", "openbookqa", "piqa", "winogrande", "hellaswag", "sciq",
                            "race", "pubmedqa", "mmlu"}})
          .add("split", &O::split, {.help = "scored; empty: what papers score"})
          .add("shots", &O::shots, {.help = "solved examples before each question", .min = 0, .max = 1000})
          .add("examples", &O::examples,
               {.help = "which: the first of their file, or drawn by the seed", .choices = {"first", "drawn"}})
          .add("prompt", &O::prompt,
               {.help = "of MMLU: the harness's, or that of its authors' code", .choices = {"harness", "hendrycks"}})
          .add("subjects", &O::subjects, {.help = "of MMLU; empty: all 57"})
          .add("limit", &O::limit, {.help = "first questions only (of each subject)", .min = 1});
  return table;
}

}  // namespace frugal
