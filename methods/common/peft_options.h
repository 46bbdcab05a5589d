// Keys of the fine-tuning baselines. Links no LibTorch.
#pragma once

#include <cstdint>
#include <string>

#include "core/config/options.h"

namespace frugal {

// method=full, bitfit, lora, sequential_adapter, parallel_adapter, ia3, checkpointing, lora_checkpointing
struct PeftOptions {
  std::string kind = "full";
  int64_t rank = 8;      // LoRA r
  double alpha = 16;     // LoRA scale is alpha / rank
  double dropout = 0.1;  // on LoRA's input, inside adapters
  std::vector<std::string> targets = {"query", "value"};
  int64_t adapter_dim = 64;
  double adapter_scale = 4;  // parallel adapter's s
  std::string adapter_placement = "houlsby";
  double init_constant = 0;    // starting-point ablation: LoRA's up matrix, 0 as published
  double ia3_init = 1;         // starting-point ablation: (IA)3's vectors, 1 as published
  bool checkpointing = false;  // store layer inputs only, compute layers again in backward
  int64_t checkpoint_every = 1;
  bool train_pooler = false;  // full fine-tuning trains it in any case
};

const OptionTable<PeftOptions>& peft_options();

}  // namespace frugal
