#include "models/nn/kernels/row_divergence.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_softmax.h>

#include "core/error.h"
#include "models/nn/cuda_support.h"
#include "models/nn/scalar_types.h"

namespace frugal {
namespace {

void check(const at::Tensor& student, const at::Tensor& teacher, const RowDivergenceOptions& o) {
  const auto bad = [](const std::string& message) { throw Error(ErrorKind::kUsage, "bad_inputs", message); };
  if (student.dim() != 2 || student.sizes() != teacher.sizes() || student.scalar_type() != teacher.scalar_type() ||
      student.device() != teacher.device() || !student.is_contiguous() || !teacher.is_contiguous())
    bad(cat("logits of shapes ", student.sizes(), " ", c10::toString(student.scalar_type()), " and ", teacher.sizes(),
            " ", c10::toString(teacher.scalar_type()),
            "; expected two contiguous matrices of one shape, type and device"));
  if (o.targets.defined() != o.shares.defined()) bad("targets and shares come together");
  if (!o.targets.defined()) return;
  if (o.targets.scalar_type() != at::kLong || o.shares.scalar_type() != wide_type(student.scalar_type()))
    bad("targets are int64, shares of the results' type");
  for (const at::Tensor* part : {&o.targets, &o.shares})
    if (part->dim() != 1 || part->size(0) != student.size(0) || !part->is_contiguous() ||
        part->device() != student.device())
      bad(cat("targets or shares of shape ", part->sizes(), " for ", student.size(0), " rows"));
}

RowDivergence by_operators(at::Tensor& student, const at::Tensor& teacher, const RowDivergenceOptions& o) {
  const at::ScalarType wide = wide_type(student.scalar_type());
  at::Tensor log_student = at::log_softmax(student, -1, wide), log_teacher = at::log_softmax(teacher, -1, wide);
  const at::Tensor p_teacher = log_teacher.exp();
  RowDivergence out;
  at::Tensor picked;
  if (o.targets.defined()) {
    picked = o.targets.clamp_min(0);
    out.cross_entropy = log_student.gather(1, picked.unsqueeze(1)).squeeze(1).neg().masked_fill(o.targets < 0, 0);
  }
  out.kl = log_teacher.sub_(log_student).mul_(p_teacher).sum(-1);
  if (!o.with_slope) return out;
  at::Tensor slope = log_student.exp_();
  if (o.targets.defined()) {
    const at::Tensor share = o.shares.masked_fill(o.targets < 0, 0);
    slope.mul_((share + o.kl_scale).unsqueeze(1)).sub_(p_teacher, o.kl_scale);
    slope.index_put_({at::arange(slope.size(0), picked.options()), picked}, -share, /*accumulate=*/true);
  } else {
    slope.sub_(p_teacher).mul_(o.kl_scale);
  }
  student.copy_(slope);
  return out;
}

}  // namespace

RowDivergence row_divergence(at::Tensor& student, const at::Tensor& teacher, const RowDivergenceOptions& options) {
  check(student, teacher, options);
  if (!student.is_cuda() || student.scalar_type() == at::kDouble) return by_operators(student, teacher, options);
  const at::TensorOptions wide = student.options().dtype(at::kFloat);
  RowDivergence out{.kl = at::empty({student.size(0)}, wide), .cross_entropy = {}};
  DivergenceRows call{.type = element_type(student.scalar_type()),
                      .student = student.mutable_data_ptr(),
                      .teacher = teacher.const_data_ptr(),
                      .kl = out.kl.mutable_data_ptr<float>(),
                      .rows = student.size(0),
                      .vocabulary = student.size(1),
                      .kl_scale = static_cast<float>(options.kl_scale),
                      .with_slope = options.with_slope};
  if (options.targets.defined()) {
    out.cross_entropy = at::empty({student.size(0)}, wide);
    call.targets = options.targets.const_data_ptr<int64_t>();
    call.shares = options.shares.const_data_ptr<float>();
    call.cross_entropy = out.cross_entropy.mutable_data_ptr<float>();
  }
  cuda::divergence_rows(call);
  return out;
}

}  // namespace frugal
