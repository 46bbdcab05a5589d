#include "experiments/preference/options.h"

namespace frugal {
namespace {

OptionTable<PreferenceOptions> make_table() {
  using O = PreferenceOptions;
  auto table = OptionTable<O>("direct preference optimisation of a language model against itself")
                   .add("beta", &O::beta, {.help = "how far the model may move from where it started", .min = 0})
                   .add("max_length", &O::max_length,
                        {.help = "of a prompt with an answer; longer answers are cut",
                         .unit = "tokens",
                         .min = 2,
                         .max = 1 << 24})
                   .add("max_prompt_length", &O::max_prompt_length,
                        {.help = "of a prompt where both do not fit: its end is kept",
                         .unit = "tokens",
                         .min = 1,
                         .max = 1 << 24})
                   .add("passes", &O::passes, {.help = "over the training pairs", .min = 1, .max = 100000});
  add_language_training(table);
  return table;
}

}  // namespace

const OptionTable<PreferenceOptions>& preference_options() {
  static const auto table = make_table();
  return table;
}

const OptionTable<PreferenceDatasetOptions>& preference_dataset_options() {
  using O = PreferenceDatasetOptions;
  static const auto table =
      OptionTable<O>("prompts with a preferred and a rejected answer")
          .add("name", &O::name, {.help = "reader", .choices = {"preferences"}})
          .add("files", &O::files, {.help = ".jsonl files to train on"})
          .add("eval_files", &O::eval_files, {.help = ".jsonl files of held-out pairs"})
          .add("chat_template", &O::chat_template,
               {.help = "of conversations: chatml, smollm2, qwen2, llama3, llama3.1; null: the checkpoint's"})
          .add("empty_system", &O::empty_system, {.help = "an empty system message before a conversation without one"})
          .add("limit", &O::limit, {.help = "first pairs of the training files only", .min = 1});
  return table;
}

}  // namespace frugal
