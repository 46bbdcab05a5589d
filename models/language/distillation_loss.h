// Losses of a student against a teacher over the whole vocabulary, without logits [N,V] ever being stored whole.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/language/likelihood.h"
#include "models/nn/layers.h"

namespace frugal {

// How KL divergences of the positions of [B,T] become one number. kBatchMean divides their sum by B, as
// F.kl_div(reduction='batchmean') does with logits [B,T,V]: T times the mean over tokens (X-EcoMLA, Eq. 15).
enum class KlReduction { kBatchMean, kToken };

struct DistillationLossOptions {
  double kl_weight = 1, ce_weight = 0;
  KlReduction reduction = KlReduction::kBatchMean;
  int64_t chunk = kLikelihoodChunk;  // rows of logits that exist at a time, >= 1
};

// total = kl_weight * reduced KL + ce_weight * cross entropy. The others have no gradient.
struct DistillationLoss {
  at::Tensor total;
  at::Tensor kl;             // mean over all positions of KL(teacher || student), nat a token
  at::Tensor cross_entropy;  // mean over the targets that count, nat; undefined when ce_weight is 0
};

// student [B,T,d], teacher [B,T,d_t]: states after the final norm; heads of one vocabulary. Temperature 1, every
// position counts (no mask, no shift), as in the official X-EcoMLA code. targets [B,T] int64, kIgnoredTarget or
// 0..V-1: of the cross entropy, read only when ce_weight is not 0.
// Gradients go to `student` and to the student head's weight; they are computed with the loss, chunk by chunk, that of
// the weight summed in fp32 (fp64 models: fp64), so the backward pass is one scaling. Products run in autocast's type
// where it is on, else in the weights'; the softmax in fp32 (fp64). Bytes beside both gradients: a few times
// chunk * V * 4, and the heads in autocast's type.
// Error(kUsage, "bad_inputs") for shapes that do not fit or heads with a bias, Error(kUsage, "vocabulary_differs").
DistillationLoss distillation_loss(const at::Tensor& student, const Linear& student_head, const at::Tensor& teacher,
                                   const Linear& teacher_head, const at::Tensor& targets,
                                   const DistillationLossOptions& options);

// Both models on the same positions, without gradients; 0 (agree: true) where the target is ignored.
struct TokenComparison {
  at::Tensor student, teacher;  // log p of the target, fp32 (fp64)
  at::Tensor kl;                // KL(teacher || student), nat
  at::Tensor agree;             // bool: both find the same token the most probable
};
TokenComparison compare_tokens(const at::Tensor& student, const Linear& student_head, const at::Tensor& teacher,
                               const Linear& teacher_head, const at::Tensor& targets, int64_t chunk = kLikelihoodChunk);

}  // namespace frugal
