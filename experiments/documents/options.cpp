#include "experiments/documents/options.h"

namespace frugal {

const OptionTable<DocumentDatasetOptions>& document_dataset_options() {
  using O = DocumentDatasetOptions;
  static const auto table =
      OptionTable<O>("whole texts")
          .add("name", &O::name, {.help = "reader", .choices = {"text", "wikitext"}})
          .add("files", &O::files, {.help = ".jsonl (one document a line) or .txt files: scored, or trained on"})
          .add("eval_files", &O::eval_files, {.help = "of distillation: held-out files; empty: held_out of `files`"})
          .add("held_out", &O::held_out,
               {.help = "of distillation: share of the documents set apart, drawn by the seed", .min = 0, .max = 0.9})
          .add("unit", &O::unit,
               {.help = "what one document of a .txt file is", .choices = {"file", "line", "paragraph"}})
          .add("columns.text", &O::text_column, {.help = "key of a .jsonl line's text"})
          .add("columns.messages", &O::messages_column,
               {.help = "key of its conversation, a list of {role, content}, where it has no text"})
          .add("chat_template", &O::chat_template,
               {.help = "of conversations: chatml, smollm2, qwen2, llama3, llama3.1; null: the checkpoint's"})
          .add("empty_system", &O::empty_system,
               {.help = "an empty system message before a conversation without one (X-EcoMLA's data)"})
          .add("variant", &O::variant, {.help = "of WikiText", .choices = {"wikitext-2", "wikitext-103"}})
          .add("split", &O::split, {.help = "of WikiText", .choices = {"train", "validation", "test"}})
          .add("limit", &O::limit, {.help = "first documents only", .min = 1});
  return table;
}

}  // namespace frugal
