#include "experiments/text_classification/options.h"

namespace frugal {

const OptionTable<TextClassificationOptions>& text_classification_options() {
  using O = TextClassificationOptions;
  static const auto table =
      OptionTable<O>("fine-tuning and evaluation of text classifiers")
          .add("epochs", &O::epochs, {.help = "passes over the training set", .min = 0, .max = 100000})
          .add("max_steps", &O::max_steps, {.help = "optimiser steps; null: from epochs", .min = 0})
          .add("batch_size", &O::batch_size, {.help = "examples a forward pass", .min = 1, .max = 1 << 20})
          .add("eval_batch_size", &O::eval_batch_size, {.help = "the same in evaluation", .min = 1, .max = 1 << 20})
          .add("batch_invariant", &O::batch_invariant,
               {.help =
                    "evaluate each example by itself, unpadded: outputs do not depend on eval_batch_size, bit for bit"})
          .add("gradient_accumulation", &O::gradient_accumulation, {.help = "forward passes a step", .min = 1})
          .add("learning_rate", &O::learning_rate, {.help = "peak rate", .min = 0})
          .add("schedule", &O::schedule,
               {.help = "rate after the warm-up", .choices = {"constant", "linear", "cosine"}})
          .add("warmup_ratio", &O::warmup_ratio, {.help = "share of the steps that warms up", .min = 0, .max = 1})
          .add("optimizer", &O::optimizer,
               {.help = "AdamW as transformers or as PyTorch has it", .choices = {"adamw_hf", "adamw_torch"}})
          .add("beta1", &O::beta1, {.help = "decay of the first moment", .min = 0, .max = 0.999999})
          .add("beta2", &O::beta2, {.help = "decay of the second moment", .min = 0, .max = 0.9999999})
          .add("adam_eps", &O::adam_eps, {.help = "epsilon of AdamW", .min = 0})
          .add("weight_decay", &O::weight_decay, {.help = "decoupled weight decay, not on biases and norms", .min = 0})
          .add("max_grad_norm", &O::max_grad_norm, {.help = "gradient clipping; 0: none", .min = 0})
          .add("group_by_length", &O::group_by_length, {.help = "batches of similar length"})
          .add("pad_to_multiple_of", &O::pad_to_multiple_of,
               {.help = "round batch length up", .unit = "tokens", .min = 1, .max = 4096})
          .add("pad_to_max_length", &O::pad_to_max_length,
               {.help = "pad every batch to dataset.max_length (memory runs)"})
          .add("precision", &O::precision,
               {.help = "of the layers' arithmetic", .choices = {"fp32", "tf32", "bf16", "fp16"}})
          .add("metric", &O::metric, {.help = "selects the best checkpoint; empty: the task's own"})
          .add("select_on", &O::select_on,
               {.help = "where checkpoints are selected", .choices = {"dev", "train_slice"}})
          .add("train_slice", &O::train_slice,
               {.help = "share of train set apart for selection", .min = 0.0001, .max = 0.9})
          .add("train_slice_max", &O::train_slice_max, {.help = "at most so many", .unit = "examples", .min = 1})
          .add("evaluations_per_epoch", &O::evaluations_per_epoch,
               {.help = "evaluations on the selection set", .min = 1})
          .add("early_stop_patience", &O::early_stop_patience,
               {.help =
                    "evaluations without improvement until training ends; 0: never (official MEFT code: 8, paper: 5)",
                .min = 0})
          .add("keep_best", &O::keep_best, {.help = "score the checkpoint that was best in selection, else the last"})
          .add("checkpoint_steps", &O::checkpoint_steps, {.help = "steps between checkpoints; null: by time", .min = 1})
          .add("checkpoint_minutes", &O::checkpoint_minutes,
               {.help = "minutes between checkpoints; null: never", .min = 0.01})
          .add("keep_checkpoints", &O::keep_checkpoints,
               {.help = "how many stay; with 1 a damaged one cannot be made up for", .min = 1, .max = 1 << 20})
          .add("final_evaluation", &O::final_evaluation, {.help = "score the dev set at the end"})
          .add("save_to", &O::save_to, {.help = "folder for the trained parameters (safetensors); empty: none"})
          .add("timing_warmup_steps", &O::timing_warmup_steps, {.help = "first steps that count as cold", .min = 0});
  return table;
}

const OptionTable<TextDatasetOptions>& text_dataset_options() {
  using O = TextDatasetOptions;
  static const auto table =
      OptionTable<O>("labelled text")
          .add("name", &O::name,
               {.help = "reader", .choices = {"glue", "tsv", "jsonl", "sentiment_small", "token_order"}})
          .add("task", &O::task, {.help = "GLUE task: cola sst2 mrpc qqp stsb mnli qnli rte wnli"})
          .add("train", &O::train, {.help = "split, or file of one's own, to train on"})
          .add("dev", &O::dev, {.help = "split, or file of one's own, to score"})
          .add("columns.sentence", &O::sentence, {.help = "column of the text"})
          .add("columns.pair", &O::pair, {.help = "column of the second text; empty: none"})
          .add("columns.label", &O::label, {.help = "column of the label"})
          .add("label_names", &O::label_names, {.help = "class names in order; empty: from the file"})
          .add("regression", &O::regression, {.help = "labels are numbers"})
          .add("max_length", &O::max_length,
               {.help = "longest sequence, special tokens included", .unit = "tokens", .min = 3, .max = 1 << 20})
          .add("limit_train", &O::limit_train, {.help = "draw so many training examples; null: all", .min = 1})
          .add("limit_dev", &O::limit_dev, {.help = "score only the first so many; null: all", .min = 1})
          .add("train_count", &O::train_count, {.help = "synthetic training examples", .min = 2, .max = 1 << 24})
          .add("dev_count", &O::dev_count, {.help = "synthetic dev examples", .min = 2, .max = 1 << 24})
          .add("vocabulary", &O::vocabulary, {.help = "synthetic vocabulary", .min = 8, .max = 1 << 20})
          .add("min_length", &O::min_length,
               {.help = "shortest synthetic sequence", .unit = "tokens", .min = 4, .max = 4096});
  return table;
}

const OptionTable<DeviceOptions>& device_options() {
  using O = DeviceOptions;
  static const auto table =
      OptionTable<O>("device")
          .add("type", &O::type, {.help = "where tensors live", .choices = {"cpu", "cuda"}})
          .add("index", &O::index, {.help = "which GPU", .min = 0, .max = 1023})
          .add("threads", &O::threads,
               {.help = "computing threads on the CPU; sums depend on it", .min = 1, .max = 1024})
          .add("deterministic", &O::deterministic,
               {.help = "strict: same content hash every time", .choices = {"strict", "warn", "off"}})
          .add("tf32", &O::tf32, {.help = "allow TF32 in fp32 products on CUDA"});
  return table;
}

}  // namespace frugal
