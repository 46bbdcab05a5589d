// From an experiment's keys to the training of a language model, and to the folder that it leaves.
#pragma once

#include "experiments/language_subject.h"
#include "experiments/training/language_options.h"
#include "experiments/training/loop.h"

namespace frugal {

LoopOptions loop_options(const LanguageTrainingOptions& options, int64_t total_steps, int64_t step_tokens);
// auto: bf16 on a GPU, fp32 on a CPU. Recorded. Error(kUsage, "precision_device").
Precision training_precision(const LanguageTrainingOptions& options, const at::Device& device, run::RunContext& run);

// The model in fp32 with its method; all of its parameters train, unless the method chose.
LanguageSubject open_student(const Json& config, const at::Device& device, run::RunContext& run);
// Without gradients, in the precision's type; on every rank rank 0's. method: null for the model as it is.
LanguageSubject open_frozen(const Json& model, const Json& method, Precision precision, const at::Device& device,
                            std::string_view role, run::RunContext& run);

// By rank 0, where `save_to` says, in `save_type`, with the tokenizer's files where the checkpoint is a folder that has
// them. The model is in that type, on the CPU, afterwards. Error(kUsage, "cannot_save") for a model that a method
// wrapped into something without a layout of its own.
void save_trained(const LanguageSubject& subject, const LanguageTrainingOptions& options, run::RunContext& run);

}  // namespace frugal
