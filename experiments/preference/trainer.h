// Direct preference optimisation: log-probabilities of both answers by the model and by where it started.
#pragma once

#include <vector>

#include "experiments/preference/options.h"
#include "experiments/preference/pairs.h"
#include "experiments/training/loop.h"
#include "models/language/preference_loss.h"
#include "models/language_model.h"

namespace frugal {

struct PreferenceModels {
  LanguageModel& model;
  LanguageModel& reference;
};

struct PreferenceData {
  std::vector<TokenizedPair> train, held_out;
};

// Of one held-out pair.
struct PairScore {
  double loss = 0, margin = 0;  // nat; beta times the difference of the log-ratios
};

class PreferenceTrainer final : public TrainingLoop {
 public:
  // Error(kBadData, "too_few_pairs") for fewer than one batch.
  PreferenceTrainer(const PreferenceModels& models, const PreferenceData& data, const PreferenceOptions& options,
                    Precision precision, const at::Device& device, run::RunContext& run);
  // Ranks take turns with the batches, and each has all scores.
  std::vector<PairScore> score_held_out();

 protected:
  std::vector<at::Tensor> micro_batch(const std::vector<uint32_t>& pairs, const Pass& pass) override;
  double evaluate(int64_t step) override;  // loss
  nlohmann::json extra_state() const override;
  void restore_extra(const nlohmann::json& state) override;

 private:
  at::Tensor held_out_margins(std::size_t first, std::size_t count) const;  // [count] fp64, host memory

  PreferenceModels models_;
  const PreferenceData& data_;
  const PreferenceOptions& options_;
};

}  // namespace frugal
