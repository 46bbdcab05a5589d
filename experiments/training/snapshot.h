// The tensors of a training run in a checkpoint folder: parameters that train, optimiser, loss scaler, best parameters.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include "experiments/training/adamw.h"
#include "experiments/training/precision.h"

namespace frugal {

// best: may be empty.
void save_training_tensors(const std::filesystem::path& folder, const AdamW& optimizer, const LossScaler& scaler,
                           const std::vector<NamedTensor>& best);
// Puts them back in place; returns the best parameters where `has_best`. Error(kBadData, "bad_checkpoint").
std::vector<NamedTensor> load_training_tensors(const std::filesystem::path& folder, AdamW& optimizer,
                                               LossScaler& scaler, int64_t steps_done, bool has_best);

// Whether a checkpoint is due after `step` steps: at every `steps` of them, else once `minutes` have passed since
// `last`.
bool checkpoint_due(int64_t step, std::optional<int64_t> steps, std::optional<double> minutes,
                    std::chrono::steady_clock::time_point last);

// Copies in host memory, and back into the parameters that they were taken from.
std::vector<NamedTensor> host_copies(const std::vector<NamedTensor>& tensors);
void copy_into(const std::vector<NamedTensor>& from, const std::vector<NamedTensor>& to);

}  // namespace frugal
