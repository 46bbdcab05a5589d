#include "experiments/distillation/layer_loss.h"

#include <ATen/ops/linalg_vector_norm.h>

#include "core/error.h"
#include "models/nn/scalar_types.h"

namespace frugal {
namespace {

// Mean over tokens of the distance, in at least fp32.
at::Tensor distance(const at::Tensor& ours, const at::Tensor& theirs) {
  const at::ScalarType wide = wide_type(ours.scalar_type());
  return at::linalg_vector_norm(ours.to(wide) - theirs.to(wide), 2, at::IntArrayRef{-1}).mean();
}

}  // namespace

LayerLoss::LayerLoss(LanguageModel& student, LanguageModel& teacher) : student_(student), teacher_(teacher) {
  const LanguageModelConfig &ours = student.config(), &theirs = teacher.config();
  if (ours.layers != theirs.layers || ours.hidden_size != theirs.hidden_size)
    throw Error(ErrorKind::kUsage, "layers_differ",
                cat("the model has ", ours.layers, " layers of width ", ours.hidden_size, ", the teacher ",
                    theirs.layers, " of ", theirs.hidden_size, ": layer by layer there is nothing to compare"),
                "experiment.teacher", "experiment.teacher=base, or experiment.objective=kl");
  attach(student, ours_, theirs_);
  attach(teacher, theirs_, nullptr);
}

// instead: whose embedding and blocks go on in place of the model's own.
void LayerLoss::attach(LanguageModel& model, const std::shared_ptr<Record>& record,
                       const std::shared_ptr<Record>& instead) {
  const auto layers = static_cast<size_t>(model.config().layers);
  record->blocks.resize(layers);
  record->attentions.resize(layers);
  model.hooks().attach(HookPoint::kEmbedding, -1, [=](const at::Tensor&, const at::Tensor& output, const Pass&) {
    if (!record->active) return output;
    record->embedding = output;
    return instead ? instead->embedding.to(output.scalar_type()) : output;
  });
  for (size_t l = 0; l < layers; ++l) {
    const auto layer = static_cast<int64_t>(l);
    model.hooks().attach(HookPoint::kAttention, layer, [=](const at::Tensor&, const at::Tensor& output, const Pass&) {
      if (record->active) record->attentions[l] = output;
      return output;
    });
    model.hooks().attach(HookPoint::kBlock, layer, [=](const at::Tensor&, const at::Tensor& output, const Pass&) {
      if (!record->active) return output;
      record->blocks[l] = output;
      return instead ? instead->blocks[l].to(output.scalar_type()) : output;
    });
  }
}

void LayerLoss::observe_teacher(const at::Tensor& ids) {
  const at::NoGradGuard no_grad;
  theirs_->active = true;
  teacher_.hidden_states({.input_ids = ids}, nullptr, Pass::evaluation());
  theirs_->active = false;
}

at::Tensor LayerLoss::loss(const at::Tensor& ids, const Pass& pass) {
  ours_->active = true;
  student_.hidden_states({.input_ids = ids}, nullptr, pass);
  ours_->active = false;
  at::Tensor sum;
  for (size_t l = 0; l < ours_->blocks.size(); ++l) {
    const at::Tensor apart =
        distance(ours_->blocks[l], theirs_->blocks[l]) + distance(ours_->attentions[l], theirs_->attentions[l]);
    sum = sum.defined() ? sum + apart : apart;
    ours_->blocks[l] = ours_->attentions[l] = at::Tensor();
  }
  return sum;
}

}  // namespace frugal
