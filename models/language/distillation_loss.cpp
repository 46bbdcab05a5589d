#include "models/language/distillation_loss.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "models/nn/autocast_state.h"
#include "models/nn/kernels/row_divergence.h"
#include "models/nn/scalar_types.h"
#include "models/nn/unordered_copy.h"

namespace frugal {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// States and output layer in the type of their products.
struct Side {
  at::Tensor hidden, weight;  // [N,d], [V,d]

  at::Tensor logits(int64_t first, int64_t count) const { return at::mm(hidden.narrow(0, first, count), weight.t()); }
  at::Tensor log_softmax(int64_t first, int64_t count) const {
    return at::log_softmax(logits(first, count), -1, wide_type(weight.scalar_type()));
  }
};

Side side(const at::Tensor& hidden, const at::Tensor& weight) {
  const at::DeviceType device = weight.device().type();
  const at::ScalarType type =
      at::autocast::is_autocast_enabled(device) ? at::autocast::get_autocast_dtype(device) : weight.scalar_type();
  return {.hidden = hidden.to(type), .weight = weight.to(type)};
}

AutocastScope without_autocast(const at::Tensor& like) {
  const at::DeviceType device = like.device().type();
  return AutocastScope(AutocastState(device, false, at::autocast::get_autocast_dtype(device)));
}

// sum += slope^T hidden. On CUDA the product of narrow types is added in fp32.
void add_weight_gradient(at::Tensor& sum, const at::Tensor& slope, const at::Tensor& hidden) {
  if (slope.scalar_type() == sum.scalar_type())
    sum.addmm_(slope.t(), hidden);
  else if (sum.is_cuda())
    at::addmm_out(sum, sum, slope.t(), hidden, sum.scalar_type());
  else
    sum.addmm_(slope.t().to(sum.scalar_type()), hidden.to(sum.scalar_type()));
}

struct Scales {
  double kl = 0;  // of each position's KL in the total
  double ce = 0;  // weight of the cross entropy, which is a mean
};

// Sums of one call, wide scalars on the device, and the total's gradients.
class Accumulation {
 public:
  Accumulation(const Side& student, const Side& teacher, const at::Tensor& targets, Scales scales, bool with_gradients)
      : student_(student), teacher_(teacher), targets_(targets), scales_(scales), gradients_(with_gradients) {
    const at::ScalarType wide = wide_type(student.weight.scalar_type());
    const at::TensorOptions scalar = student.weight.options().dtype(at::kDouble);
    kl = at::zeros({}, scalar);
    if (has_targets()) {
      counted_ = targets_ != kIgnoredTarget;
      count_ = counted_.sum().clamp_min(1).to(at::kDouble);
      cross_entropy = at::zeros({}, scalar);
    }
    if (!gradients_) return;
    hidden_gradient = at::empty_like(student.hidden, student.hidden.options());
    weight_gradient = at::zeros(student.weight.sizes(), student.weight.options().dtype(wide));
  }

  void add(int64_t first, int64_t count) {
    RowDivergenceOptions options{.kl_scale = scales_.kl, .with_slope = gradients_};
    if (has_targets()) {
      options.targets = targets_.narrow(0, first, count);
      options.shares =
          (counted_.narrow(0, first, count) * (scales_.ce / count_)).to(wide_type(student_.weight.scalar_type()));
    }
    at::Tensor slope = student_.logits(first, count);
    const RowDivergence rows = row_divergence(slope, teacher_.logits(first, count), options);
    kl += rows.kl.sum(at::kDouble);
    if (has_targets()) cross_entropy += rows.cross_entropy.sum(at::kDouble);
    if (!gradients_) return;
    at::Tensor into = hidden_gradient.narrow(0, first, count);
    at::mm_out(into, slope, student_.weight);
    add_weight_gradient(weight_gradient, slope, student_.hidden.narrow(0, first, count));
  }

  at::Tensor mean_cross_entropy() const { return cross_entropy / count_; }
  at::Tensor total() const {
    const at::Tensor all = scales_.kl * kl;
    return has_targets() ? all + scales_.ce * mean_cross_entropy() : all;
  }

  at::Tensor kl, cross_entropy;                 // sums over positions
  at::Tensor hidden_gradient, weight_gradient;  // of the total

 private:
  bool has_targets() const { return targets_.defined(); }

  const Side &student_, &teacher_;
  at::Tensor targets_, counted_, count_;
  Scales scales_;
  bool gradients_;
};

// What a call reads beside the two tensors that may train.
struct Frozen {
  at::Tensor teacher_hidden, teacher_weight, targets;  // [N,d_t], [V,d_t], [N] or undefined
  Scales scales;
  int64_t chunk = 1;
  bool with_gradients = false;
};

class FusedDistillation : public torch::autograd::Function<FusedDistillation> {
 public:
  // hidden [N,d], weight [V,d]. Returns the total, the sum of KL and, with targets, the mean cross entropy.
  static variable_list forward(AutogradContext* context, const at::Tensor& hidden, const at::Tensor& weight,
                               const Frozen& frozen) {
    const Side student = side(hidden, weight), teacher = side(frozen.teacher_hidden, frozen.teacher_weight);
    const AutocastScope scope = without_autocast(weight);
    Accumulation sums(student, teacher, frozen.targets, frozen.scales, frozen.with_gradients);
    for (int64_t first = 0; first < hidden.size(0); first += frozen.chunk)
      sums.add(first, std::min(frozen.chunk, hidden.size(0) - first));
    const at::ScalarType wide = wide_type(weight.scalar_type());
    if (frozen.with_gradients)
      context->save_for_backward(
          {sums.hidden_gradient.to(hidden.scalar_type()), sums.weight_gradient.to(weight.scalar_type())});
    variable_list out = {sums.total().to(wide), sums.kl.to(wide)};
    if (frozen.targets.defined()) out.push_back(sums.mean_cross_entropy().to(wide));
    context->mark_non_differentiable({out.begin() + 1, out.end()});
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list upstream) {
    const variable_list saved = context->get_saved_variables();
    variable_list gradients(3);
    for (size_t i = 0; i < 2; ++i)
      if (context->needs_input_grad(i)) gradients[i] = saved[i] * upstream[0].to(saved[i].scalar_type());
    return gradients;
  }
};

void check(const at::Tensor& student, const Linear& student_head, const at::Tensor& teacher, const Linear& teacher_head,
           const at::Tensor& targets) {
  const auto bad = [](const std::string& message) { throw Error(ErrorKind::kUsage, "bad_inputs", message); };
  for (const Linear* head : {&student_head, &teacher_head})
    if (!head->weight.defined() || head->bias.defined()) bad("a divergence needs output layers, without bias");
  if (student.dim() != 3 || student.sizes().slice(0, 2) != teacher.sizes().slice(0, 2))
    bad(cat("student states of shape ", student.sizes(), ", teacher states of shape ", teacher.sizes(),
            "; expected [B,T,d] with one B and T"));
  if (targets.defined() && targets.sizes() != student.sizes().slice(0, 2))
    bad(cat("targets of shape ", targets.sizes(), " for states of shape ", student.sizes()));
  if (student_head.weight.size(0) != teacher_head.weight.size(0))
    throw Error(
        ErrorKind::kUsage, "vocabulary_differs",
        cat("the student has ", student_head.weight.size(0), " tokens, the teacher ", teacher_head.weight.size(0)),
        "experiment.teacher", "a teacher with the student's tokenizer");
}

}  // namespace

DistillationLoss distillation_loss(const at::Tensor& student, const Linear& student_head, const at::Tensor& teacher,
                                   const Linear& teacher_head, const at::Tensor& targets,
                                   const DistillationLossOptions& options) {
  check(student, student_head, teacher, teacher_head, targets);
  const auto rows = static_cast<double>(student.size(0)), positions = rows * static_cast<double>(student.size(1));
  const bool batch_mean = options.reduction == KlReduction::kBatchMean;
  const Scales scales{.kl = options.kl_weight / (batch_mean ? rows : positions), .ce = options.ce_weight};
  const bool with_ce = options.ce_weight != 0 && targets.defined();
  const bool with_gradients =
      at::GradMode::is_enabled() && (student.requires_grad() || student_head.weight.requires_grad());
  const variable_list out = FusedDistillation::apply(student.flatten(0, 1), student_head.weight,
                                                     Frozen{.teacher_hidden = teacher.detach().flatten(0, 1),
                                                            .teacher_weight = teacher_head.weight.detach(),
                                                            .targets = with_ce ? targets.flatten() : at::Tensor(),
                                                            .scales = scales,
                                                            .chunk = options.chunk,
                                                            .with_gradients = with_gradients});
  return {.total = out[0], .kl = out[1] / positions, .cross_entropy = with_ce ? out[2] : at::Tensor()};
}

TokenComparison compare_tokens(const at::Tensor& student, const Linear& student_head, const at::Tensor& teacher,
                               const Linear& teacher_head, const at::Tensor& targets, int64_t chunk) {
  check(student, student_head, teacher, teacher_head, targets);
  const at::NoGradGuard no_grad;
  const at::Tensor flat = targets.flatten(), where = (flat != kIgnoredTarget).nonzero().squeeze(1);
  const auto counted = [&](const at::Tensor& hidden, const Linear& head) {
    return side(hidden.flatten(0, 1).index_select(0, where), head.weight);
  };
  const Side ours = counted(student, student_head), theirs = counted(teacher, teacher_head);
  const AutocastScope scope = without_autocast(student_head.weight);
  const at::TensorOptions wide = flat.options().dtype(wide_type(ours.weight.scalar_type()));
  TokenComparison out{.student = at::zeros(flat.sizes(), wide),
                      .teacher = at::zeros(flat.sizes(), wide),
                      .kl = at::zeros(flat.sizes(), wide),
                      .agree = at::ones(flat.sizes(), flat.options().dtype(at::kBool))};
  for (int64_t first = 0; first < where.size(0); first += chunk) {
    const int64_t count = std::min(chunk, where.size(0) - first);
    const at::Tensor a = ours.log_softmax(first, count), b = theirs.log_softmax(first, count);
    const at::Tensor places = where.narrow(0, first, count), picked = flat.index_select(0, places).unsqueeze(1);
    copy_to_places(out.student, places, a.gather(1, picked).squeeze(1));
    copy_to_places(out.teacher, places, b.gather(1, picked).squeeze(1));
    copy_to_places(out.kl, places, ((b - a) * b.exp()).sum(-1));
    copy_to_places(out.agree, places, a.argmax(-1) == b.argmax(-1));
  }
  for (at::Tensor* part : {&out.student, &out.teacher, &out.kl, &out.agree}) *part = part->view(targets.sizes());
  return out;
}

}  // namespace frugal
