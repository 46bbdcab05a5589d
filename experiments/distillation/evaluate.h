// A student beside its teacher on packed sequences.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "experiments/likelihood/rolling.h"
#include "experiments/parallel/collectives.h"
#include "experiments/training/precision.h"
#include "models/language_model.h"

namespace frugal {

struct TeachingPair {
  LanguageModel& student;
  LanguageModel& teacher;
  Precision precision = Precision::kFp32;  // of the student's arithmetic; the teacher has its weights'
  at::Device device;
};

// The teacher's states of [B,T] ids, without gradients.
at::Tensor teacher_states(const TeachingPair& pair, const at::Tensor& ids);
// ids shifted by one: what each position predicts, kIgnoredTarget at the last.
at::Tensor next_tokens(const at::Tensor& ids);
// Rows of `sequences` [n,T] int32, host memory, as [B,T] int64 on the device, without waiting for it.
at::Tensor gather_rows(const at::Tensor& sequences, const std::vector<uint32_t>& rows, const at::Device& device);

// One score a sequence, over the tokens behind its first. Ranks take turns with the batches, and each has all scores:
// bit for bit those of one process, since the batches are the same.
std::vector<DocumentScore> score_sequences(const TeachingPair& pair, const at::Tensor& sequences, int64_t batch_size,
                                           Collectives& group);

struct TeachingScore {
  double kl = 0, perplexity = 0, teacher_perplexity = 0, agreement = 0;  // over all tokens
};
TeachingScore total(const std::vector<DocumentScore>& scores);

}  // namespace frugal
