#include "methods/common/peft_options.h"

namespace frugal {

const OptionTable<PeftOptions>& peft_options() {
  using O = PeftOptions;
  static const auto table =
      OptionTable<O>("parameter-efficient fine-tuning")
          .add("kind", &O::kind,
               {.help = "which parameters are new or train",
                .choices = {"full", "bitfit", "lora", "sequential_adapter", "parallel_adapter", "ia3", "head"}})
          .add("rank", &O::rank, {.help = "rank r of LoRA", .min = 1, .max = 65536})
          .add("alpha", &O::alpha, {.help = "LoRA adds alpha / rank * B A x", .min = 0})
          .add("dropout", &O::dropout, {.help = "dropout on LoRA's input and inside adapters", .min = 0, .max = 0.99})
          .add("targets", &O::targets, {.help = "projections that LoRA changes: query, key, value"})
          .add("adapter_dim", &O::adapter_dim, {.help = "bottleneck of the adapters", .min = 1, .max = 65536})
          .add("adapter_scale", &O::adapter_scale, {.help = "scale s of the parallel adapter", .min = 0})
          .add("adapter_placement", &O::adapter_placement,
               {.help = "sequential adapters after attention and MLP, or after the MLP only",
                .choices = {"houlsby", "pfeiffer"}})
          .add("init_constant", &O::init_constant, {.help = "value of LoRA's up matrix at the start (0: as published)"})
          .add("ia3_init", &O::ia3_init, {.help = "value of (IA)3's vectors at the start (1: as published)"})
          .add("checkpointing", &O::checkpointing,
               {.help = "keep layer inputs only and compute layers again in backward"})
          .add("checkpoint_every", &O::checkpoint_every, {.help = "layers a checkpoint", .unit = "layers", .min = 1})
          .add("train_pooler", &O::train_pooler, {.help = "train the pooler beside the classifier"});
  return table;
}

}  // namespace frugal
