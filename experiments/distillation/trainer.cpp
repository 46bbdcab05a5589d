#include "experiments/distillation/trainer.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/log.h"
#include "experiments/training/language_loop.h"
#include "models/nn/scalar_types.h"

namespace frugal {
namespace {

int64_t tokens_of_step(const at::Tensor& train, const DistillationOptions& o) {
  return o.batch_size * o.gradient_accumulation * train.size(1);
}

int64_t steps_of(const at::Tensor& train, const DistillationOptions& o) {
  const int64_t step = tokens_of_step(train, o);
  return o.tokens ? (*o.tokens + step - 1) / step : std::max<int64_t>(1, train.numel() / step);
}

datasets::BatchSampler make_sampler(const at::Tensor& train, const DistillationOptions& o, uint64_t seed) {
  if (train.size(0) < o.batch_size)
    throw Error(ErrorKind::kBadData, "too_few_sequences",
                cat("the training text gives ", train.size(0), " sequences of ", train.size(1),
                    " tokens, a batch takes ", o.batch_size),
                "dataset.files", "more text, or a smaller experiment.batch_size or experiment.seq_len");
  return {std::vector<uint32_t>(static_cast<size_t>(train.size(0)), static_cast<uint32_t>(train.size(1))),
          {.batch_size = static_cast<size_t>(o.batch_size), .seed = seed, .drop_last = true}};
}

std::vector<Curve> curves_of(const DistillationOptions& o) {
  if (o.objective == "layers")
    return {{"train/loss", "", "distances of the layers' outputs and of their attention's from the teacher's, summed"}};
  std::vector<Curve> curves = {{"train/loss", "nat", "the step's loss, as weighted and reduced"},
                               {"train/kl", "nat", "KL(teacher || student), mean over the step's tokens"}};
  if (o.ce_weight != 0)
    curves.push_back({"train/cross_entropy", "nat", "of the next token, mean over the step's tokens"});
  return curves;
}

// As the official code computes it: both models' logits in fp32, LibTorch's losses.
DistillationLoss whole_logits_loss(const TeachingPair& pair, const at::Tensor& ours, const at::Tensor& theirs,
                                   const at::Tensor& wanted, const DistillationLossOptions& options) {
  const auto wide = [](const at::Tensor& logits) { return logits.to(wide_type(logits.scalar_type())); };
  const at::Tensor logits = wide(pair.student.logits(ours));
  const at::Tensor kl = at::kl_div(at::log_softmax(logits, -1),
                                   at::softmax(wide(pair.teacher.logits(theirs)), -1).detach(), at::Reduction::Sum);
  const auto rows = static_cast<double>(ours.size(0)), positions = rows * static_cast<double>(ours.size(1));
  DistillationLoss loss{
      .total = kl * (options.kl_weight / (options.reduction == KlReduction::kToken ? positions : rows)),
      .kl = kl.detach() / positions};
  if (options.ce_weight == 0) return loss;
  const at::Tensor ce =
      at::cross_entropy_loss(logits.flatten(0, 1), wanted.flatten(), {}, at::Reduction::Mean, kIgnoredTarget);
  loss.total = loss.total + options.ce_weight * ce;
  loss.cross_entropy = ce.detach();
  return loss;
}

}  // namespace

DistillationTrainer::DistillationTrainer(const TeachingPair& pair, const DistillationData& data,
                                         const DistillationOptions& options, run::RunContext& run)
    : TrainingLoop(pair.student,
                   loop_options(options, steps_of(data.train, options), tokens_of_step(data.train, options)),
                   make_sampler(data.train, options, run.seeds.seed("data")), pair.precision, pair.device, run,
                   curves_of(options)),
      pair_(pair),
      data_(data),
      options_(options),
      loss_{.kl_weight = options.kl_weight,
            .ce_weight = options.ce_weight,
            .reduction = options.kl_reduction == "token" ? KlReduction::kToken : KlReduction::kBatchMean,
            .chunk = options.loss_chunk} {
  if (options.objective == "layers") layers_.emplace(pair.student, pair.teacher);
  run.recorder.declare_series("eval/kl", "nat", "KL(teacher || student) on held-out text, a token");
  run.recorder.declare_series("eval/perplexity", "", "on held-out text, a token");
  run.recorder.declare_series("eval/agreement", "", "share of held-out tokens where both expect the same one most");
}

int64_t DistillationTrainer::step_tokens() const {
  return tokens_of_step(data_.train, options_);
}

DistillationLoss DistillationTrainer::loss(const at::Tensor& ours, const at::Tensor& theirs,
                                           const at::Tensor& wanted) const {
  if (!options_.fused_loss) return whole_logits_loss(pair_, ours, theirs, wanted, loss_);
  return distillation_loss(ours, pair_.student.head(), theirs, pair_.teacher.head(), wanted, loss_);
}

std::vector<at::Tensor> DistillationTrainer::micro_batch(const std::vector<uint32_t>& sequences, const Pass& pass) {
  const at::Tensor ids = gather_rows(data_.train, sequences, device_);
  if (layers_) {
    layers_->observe_teacher(ids);
    at::Tensor apart;
    backpropagate([&] { return apart = layers_->loss(ids, pass); });
    return {apart};
  }
  const at::Tensor theirs = teacher_states(pair_, ids), wanted = next_tokens(ids);
  DistillationLoss found;
  backpropagate([&] {
    found = loss(pair_.student.hidden_states({.input_ids = ids}, nullptr, pass), theirs, wanted);
    return found.total;
  });
  std::vector<at::Tensor> values = {found.total, found.kl};
  if (found.cross_entropy.defined()) values.push_back(found.cross_entropy);
  return values;
}

double DistillationTrainer::evaluate(int64_t step) {
  const TeachingScore score = total(score_sequences(pair_, data_.held_out, options_.batch_size, group_));
  run_.recorder.series("eval/kl", step, score.kl);
  run_.recorder.series("eval/perplexity", step, score.perplexity);
  run_.recorder.series("eval/agreement", step, score.agreement);
  log::info("step ", step, ": held-out KL ", score.kl, " nat a token, perplexity ", score.perplexity, " (teacher ",
            score.teacher_perplexity, ")");
  if (step == 0) start_ = score;
  return score.kl;
}

nlohmann::json DistillationTrainer::extra_state() const {
  return {{"kl", start_.kl}, {"perplexity", start_.perplexity}};
}

void DistillationTrainer::restore_extra(const nlohmann::json& state) {
  start_.kl = state.at("kl");
  start_.perplexity = state.at("perplexity");
}

}  // namespace frugal
