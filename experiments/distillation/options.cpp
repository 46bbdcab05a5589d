#include "experiments/distillation/options.h"

namespace frugal {
namespace {

OptionTable<DistillationOptions> make_table() {
  using O = DistillationOptions;
  auto table =
      OptionTable<O>("training of a language model, converted by a method, on a teacher's distribution")
          .add("teacher", &O::teacher,
               {.help = "base (the model without its method), or a model: model@experiment.teacher=llama3_2_3b"})
          .add("seq_len", &O::seq_len,
               {.help = "of the packed sequences, the examples of a batch; at most the model's positions",
                .unit = "tokens",
                .min = 2,
                .max = 1 << 24})
          .add("special_tokens", &O::special_tokens,
               {.help = "encode documents with the tokenizer's special tokens, which gives conversations a second BOS "
                        "where the template wrote one (as the official code does)"})
          .add("tokens", &O::tokens,
               {.help = "to train on; null: one pass over the data", .unit = "tokens", .min = 1, .max = 1e15})
          .add("objective", &O::objective,
               {.help =
                    "kl: the keys below; layers: every layer by itself on the teacher's input, as Zebra-Llama's first "
                    "stage has it (a teacher of as many layers, equally wide)",
                .choices = {"kl", "layers"}})
          .add("kl_weight", &O::kl_weight, {.help = "of KL(teacher || model)", .min = 0})
          .add("ce_weight", &O::ce_weight, {.help = "of the cross entropy of the next token", .min = 0})
          .add(
              "kl_reduction", &O::kl_reduction,
              {.help = "batchmean: summed over the tokens of a sequence (the paper's, seq_len times the other); token: "
                       "mean over tokens",
               .choices = {"batchmean", "token"}})
          .add("fused_loss", &O::fused_loss, {.help = "logits chunk by chunk; false: stored whole, for comparisons"})
          .add("loss_chunk", &O::loss_chunk, {.help = "rows of logits at a time", .min = 1, .max = 1 << 24})
          .add("eval_sequences", &O::eval_sequences,
               {.help = "held-out sequences to evaluate on; null: all there are", .min = 1});
  add_language_training(table);
  return table;
}

}  // namespace

const OptionTable<DistillationOptions>& distillation_options() {
  static const auto table = make_table();
  return table;
}

}  // namespace frugal
