// Keys that every training of a language model has. Links no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/config/options.h"

namespace frugal {

struct LanguageTrainingOptions {
  int64_t batch_size = 12, gradient_accumulation = 8;
  double learning_rate = 8e-5;
  std::string schedule = "cosine";
  double warmup_ratio = 0.01;
  double beta1 = 0.9, beta2 = 0.98, adam_eps = 1e-8, weight_decay = 0, max_grad_norm = 1;
  std::string precision = "auto";
  int64_t eval_steps = 200;
  std::string keep = "last";
  int64_t log_steps = 10;
  std::optional<int64_t> checkpoint_steps;
  std::optional<double> checkpoint_minutes = 10;
  int64_t keep_checkpoints = 2;
  std::optional<std::string> save_to;
  std::string save_type = "fp32";
  bool trace = false;
};

// Adds them to the table of an experiment whose options derive from the struct above.
template <typename Options>
void add_language_training(OptionTable<Options>& table) {
  using O = LanguageTrainingOptions;
  const auto of = []<typename Member>(Member O::* member) -> Member Options::* { return member; };
  table.add("batch_size", of(&O::batch_size), {.help = "examples a forward pass", .min = 1, .max = 1 << 20})
      .add("gradient_accumulation", of(&O::gradient_accumulation), {.help = "forward passes a step", .min = 1})
      .add("learning_rate", of(&O::learning_rate), {.help = "peak rate", .min = 0})
      .add("schedule", of(&O::schedule),
           {.help = "rate after the warm-up", .choices = {"constant", "linear", "cosine"}})
      .add("warmup_ratio", of(&O::warmup_ratio), {.help = "share of the steps that warms up", .min = 0, .max = 1})
      .add("beta1", of(&O::beta1), {.help = "decay of the first moment", .min = 0, .max = 0.999999})
      .add("beta2", of(&O::beta2),
           {.help = "decay of the second moment: 0.98 in X-EcoMLA's paper, 0.999 in its code",
            .min = 0,
            .max = 0.9999999})
      .add("adam_eps", of(&O::adam_eps), {.help = "epsilon of AdamW", .min = 0})
      .add("weight_decay", of(&O::weight_decay), {.help = "decoupled weight decay, not on biases and norms", .min = 0})
      .add("max_grad_norm", of(&O::max_grad_norm), {.help = "gradient clipping; 0: none", .min = 0})
      .add(
          "precision", of(&O::precision),
          {.help = "of the layers' arithmetic; weights and optimiser stay fp32, a frozen model's weights have it, too. "
                   "auto: bf16 on a GPU, fp32 on a CPU",
           .choices = {"auto", "fp32", "tf32", "bf16"}})
      .add("eval_steps", of(&O::eval_steps),
           {.help =
                "steps between evaluations on held-out data, beside one before the first step and one after the last",
            .min = 1})
      .add("keep", of(&O::keep),
           {.help = "the parameters that training leaves: the last, or the best on held-out data",
            .choices = {"last", "best"}})
      .add("log_steps", of(&O::log_steps), {.help = "steps between readings of the losses from the device", .min = 1})
      .add("trace", of(&O::trace),
           {.help = "trace one step, the fourth, to trace.json in the run's folder (ui.perfetto.dev), and count its "
                    "operators, kernels and busy time of the device"})
      .add("checkpoint_steps", of(&O::checkpoint_steps), {.help = "steps between checkpoints; null: by time", .min = 1})
      .add("checkpoint_minutes", of(&O::checkpoint_minutes),
           {.help = "minutes between checkpoints; null: never", .min = 0.01})
      .add("keep_checkpoints", of(&O::keep_checkpoints),
           {.help = "how many stay; with 1 a damaged one cannot be made up for", .min = 1, .max = 1 << 20})
      .add("save_to", of(&O::save_to),
           {.help = "folder for the trained model in Hugging Face layout; null: model/ in the run's folder; none: not "
                    "saved"})
      .add("save_type", of(&O::save_type), {.help = "type of the saved weights", .choices = {"fp32", "bf16", "fp16"}});
}

}  // namespace frugal
