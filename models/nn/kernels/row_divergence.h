// How far a student's rows of logits are from a teacher's, and which way they should go.
#pragma once

#include <ATen/core/Tensor.h>

namespace frugal {

struct RowDivergenceOptions {
  double kl_scale = 1;      // what a row's divergence counts for in the slope
  at::Tensor targets = {};  // [N] int64, negative: none; undefined: no cross entropy
  at::Tensor shares = {};   // [N] of the results' type: what a row's cross entropy counts for in the slope
  bool with_slope = false;
};

struct RowDivergence {
  at::Tensor kl;             // [N], KL(teacher || student) of each row
  at::Tensor cross_entropy;  // [N], -log p_student(target), 0 where there is none; undefined without targets
};

// student and teacher [N,V], logits of one type, contiguous; results in fp32, of fp64 in fp64. With `with_slope`,
// student is overwritten with kl_scale (p_student - p_teacher) + share (p_student - onehot(target)), the slope of the
// weighted sum of both, rounded to its type; else it may be overwritten with anything. On CUDA one kernel reads the
// logits twice (divergence_rows.h); fp64, and the CPU, go through LibTorch's operators. Error(kUsage, "bad_inputs").
// Not differentiable.
RowDivergence row_divergence(at::Tensor& student, const at::Tensor& teacher, const RowDivergenceOptions& options);

}  // namespace frugal
