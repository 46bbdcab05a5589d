#include "experiments/distillation/options.h"
#include "experiments/forward/options.h"
#include "experiments/language_modelling/options.h"
#include "experiments/multiple_choice/options.h"
#include "experiments/preference/options.h"
#include "experiments/profile/options.h"
#include "experiments/registry.h"
#include "experiments/text_classification/options.h"

namespace frugal {
namespace {

template <const auto& Table>
constexpr ExperimentInfo info(std::string_view name, std::string_view summary, bool plans = false, bool ranks = false) {
  return {name, summary, []() -> const std::vector<OptionInfo>& { return Table().infos(); }, plans, ranks};
}

constexpr ExperimentInfo kExperiments[] = {
    info<text_classification_options>("text_classification", "fine-tuning and evaluation of text classifiers", true),
    info<forward_options>("forward", "a model on given tensors, with the activations asked for"),
    info<multiple_choice_options>("multiple_choice", "accuracy of a language model by the likelihood of each choice"),
    info<language_modelling_options>("language_modelling", "perplexity of a language model, and its KL from a teacher"),
    info<distillation_options>("distillation", "training of a converted language model on a teacher's distribution",
                               false, true),
    info<preference_options>("preference", "direct preference optimisation of a language model", false, true),
    info<profile_options>("profile", "latency and memory of a model with a method, in turns with a baseline"),
};

}  // namespace

std::span<const ExperimentInfo> experiment_infos() {
  return kExperiments;
}

}  // namespace frugal
