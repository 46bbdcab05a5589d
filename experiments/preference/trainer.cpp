#include "experiments/preference/trainer.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "core/log.h"
#include "experiments/likelihood/ragged.h"
#include "experiments/training/language_loop.h"
#include "models/language/likelihood.h"

namespace frugal {
namespace {

int64_t pairs_of_step(const PreferenceOptions& o) {
  return o.batch_size * o.gradient_accumulation;
}

int64_t steps_of(const PreferenceData& data, const PreferenceOptions& o) {
  return std::max<int64_t>(1, o.passes * static_cast<int64_t>(data.train.size()) / pairs_of_step(o));
}

// Tokens of both answers with their prompts, a step on average.
int64_t tokens_of_step(const PreferenceData& data, const PreferenceOptions& o) {
  std::size_t tokens = 0;
  for (const TokenizedPair& pair : data.train)
    tokens += 2 * pair.prompt.size() + pair.chosen.size() + pair.rejected.size();
  return static_cast<int64_t>(tokens) * pairs_of_step(o) / static_cast<int64_t>(data.train.size());
}

datasets::BatchSampler make_sampler(const PreferenceData& data, const PreferenceOptions& o, uint64_t seed) {
  if (data.train.size() < static_cast<std::size_t>(o.batch_size))
    throw Error(ErrorKind::kBadData, "too_few_pairs",
                cat("there are ", data.train.size(), " pairs to train on, a batch takes ", o.batch_size),
                "dataset.files", "more pairs, or a smaller experiment.batch_size");
  std::vector<uint32_t> lengths;
  lengths.reserve(data.train.size());
  for (const TokenizedPair& pair : data.train)
    lengths.push_back(static_cast<uint32_t>(pair.prompt.size() + std::max(pair.chosen.size(), pair.rejected.size())));
  return {std::move(lengths), {.batch_size = static_cast<size_t>(o.batch_size), .seed = seed, .drop_last = true}};
}

// The preferred answers of B pairs, then the rejected ones, each behind its prompt.
struct AnswerBatch {
  at::Tensor ids, targets;  // [2B,T] int64 on the device; kIgnoredTarget but for the answers' tokens
};

AnswerBatch make_batch(const std::vector<TokenizedPair>& pairs, const std::vector<uint32_t>& chosen,
                       const at::Device& device) {
  Ragged ids, targets;
  for (const TokenIds TokenizedPair::* answer : {&TokenizedPair::chosen, &TokenizedPair::rejected})
    for (const uint32_t i : chosen) {
      const TokenizedPair& pair = pairs[i];
      TokenIds row = pair.prompt, wanted(pair.prompt.size() - 1, kIgnoredTarget);
      row.insert(row.end(), (pair.*answer).begin(), (pair.*answer).end() - 1);
      wanted.insert(wanted.end(), (pair.*answer).begin(), (pair.*answer).end());
      ids.rows.push_back(std::move(row));
      targets.rows.push_back(std::move(wanted));
    }
  return {.ids = ids.padded(0).to(device), .targets = targets.padded(kIgnoredTarget).to(device)};
}

// [2B] log-probabilities of the answers.
at::Tensor answer_scores(LanguageModel& model, const AnswerBatch& batch, const Pass& pass) {
  const at::Tensor hidden = model.hidden_states({.input_ids = batch.ids}, nullptr, pass);
  return token_log_probabilities(hidden, batch.targets, model.head()).sum(1);
}

at::Tensor reference_scores(LanguageModel& reference, const AnswerBatch& batch) {
  const at::NoGradGuard no_grad;
  return answer_scores(reference, batch, Pass::evaluation());
}

PreferenceLoss loss_of(const at::Tensor& scores, const at::Tensor& reference, double beta) {
  const int64_t pairs = scores.size(0) / 2;
  const auto part = [&](const at::Tensor& all, int64_t which) { return all.narrow(0, which * pairs, pairs); };
  return preference_loss({.chosen = part(scores, 0),
                          .rejected = part(scores, 1),
                          .reference_chosen = part(reference, 0),
                          .reference_rejected = part(reference, 1)},
                         beta);
}

}  // namespace

PreferenceTrainer::PreferenceTrainer(const PreferenceModels& models, const PreferenceData& data,
                                     const PreferenceOptions& options, Precision precision, const at::Device& device,
                                     run::RunContext& run)
    : TrainingLoop(models.model, loop_options(options, steps_of(data, options), tokens_of_step(data, options)),
                   make_sampler(data, options, run.seeds.seed("data")), precision, device, run,
                   {{"train/loss", "nat", "-log sigma of the margin, mean over the step's pairs"},
                    {"train/margin", "nat", "beta times the difference of the answers' log-ratios to the start"},
                    {"train/accuracy", "", "share of the step's pairs whose preferred answer gained more"}}),
      models_(models),
      data_(data),
      options_(options) {
  run.recorder.declare_series("eval/loss", "nat", "on held-out pairs");
  run.recorder.declare_series("eval/accuracy", "", "share of held-out pairs whose preferred answer gained more");
}

std::vector<at::Tensor> PreferenceTrainer::micro_batch(const std::vector<uint32_t>& pairs, const Pass& pass) {
  const AnswerBatch batch = make_batch(data_.train, pairs, device_);
  const at::Tensor reference = reference_scores(models_.reference, batch);
  PreferenceLoss found;
  backpropagate([&] {
    found = loss_of(answer_scores(models_.model, batch, pass), reference, options_.beta);
    return found.loss;
  });
  return {found.loss, found.margins.mean(), (found.margins > 0).to(found.margins.scalar_type()).mean()};
}

at::Tensor PreferenceTrainer::held_out_margins(std::size_t first, std::size_t count) const {
  std::vector<uint32_t> pairs(count);
  std::iota(pairs.begin(), pairs.end(), static_cast<uint32_t>(first));
  const AnswerBatch batch = make_batch(data_.held_out, pairs, device_);
  const at::Tensor reference = reference_scores(models_.reference, batch);
  const PrecisionScope scope(precision_, device_);
  return loss_of(answer_scores(models_.model, batch, Pass::evaluation()), reference, options_.beta)
      .margins.to(at::kCPU, at::kDouble);
}

std::vector<PairScore> PreferenceTrainer::score_held_out() {
  const at::NoGradGuard no_grad;
  const auto step = static_cast<std::size_t>(options_.batch_size), total = data_.held_out.size();
  const at::Tensor margins = at::zeros({static_cast<int64_t>(total)}, at::kDouble);
  for (std::size_t first = 0, batch = 0; first < total; first += step, ++batch) {
    if (static_cast<int>(batch) % group_.size() != group_.rank()) continue;
    const std::size_t count = std::min(step, total - first);
    margins.narrow(0, static_cast<int64_t>(first), static_cast<int64_t>(count)).copy_(held_out_margins(first, count));
  }
  group_.sum({margins});
  std::vector<PairScore> scores;
  for (std::size_t i = 0; i < total; ++i) {
    const double margin = margins.const_data_ptr<double>()[i];
    scores.push_back({.loss = std::log1p(std::exp(-margin)), .margin = margin});
  }
  return scores;
}

double PreferenceTrainer::evaluate(int64_t step) {
  double loss = 0, right = 0;
  const std::vector<PairScore> scores = score_held_out();
  const auto n = static_cast<double>(scores.size());
  for (const PairScore& score : scores) {
    loss += score.loss / n;
    right += (score.margin > 0 ? 1 : 0) / n;
  }
  run_.recorder.series("eval/loss", step, loss);
  run_.recorder.series("eval/accuracy", step, right);
  log::info("step ", step, ": held-out loss ", loss, ", ", 100 * right, " % of the preferred answers gained more");
  return loss;
}

nlohmann::json PreferenceTrainer::extra_state() const {
  return nullptr;
}

void PreferenceTrainer::restore_extra(const nlohmann::json& /*state*/) {}

}  // namespace frugal
