#include "experiments/distillation/evaluate.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/language/distillation_loss.h"
#include "models/nn/pass.h"

namespace frugal {

at::Tensor teacher_states(const TeachingPair& pair, const at::Tensor& ids) {
  const at::NoGradGuard no_grad;
  return pair.teacher.hidden_states({.input_ids = ids}, nullptr, Pass::evaluation());
}

at::Tensor next_tokens(const at::Tensor& ids) {
  return at::constant_pad_nd(ids.narrow(1, 1, ids.size(1) - 1), {0, 1}, kIgnoredTarget);
}

at::Tensor gather_rows(const at::Tensor& sequences, const std::vector<uint32_t>& rows, const at::Device& device) {
  const std::vector<int64_t> wide(rows.begin(), rows.end());
  at::Tensor ids = sequences.index_select(0, at::tensor(wide, at::kLong));
  if (device.is_cuda()) ids = ids.pin_memory();
  return ids.to(device, at::kInt, /*non_blocking=*/true).to(at::kLong);
}

namespace {

// Of rows first..first+count-1 of the sequences, [count,4] fp64 in host memory: log-likelihood, the teacher's, KL,
// tokens where both agree.
at::Tensor score_batch(const TeachingPair& pair, const at::Tensor& sequences, int64_t first, int64_t count) {
  std::vector<uint32_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(first));
  const at::Tensor ids = gather_rows(sequences, rows, pair.device), theirs = teacher_states(pair, ids);
  const PrecisionScope scope(pair.precision, pair.device);
  const at::Tensor ours = pair.student.hidden_states({.input_ids = ids}, nullptr, Pass::evaluation());
  const at::Tensor wanted = next_tokens(ids);
  const TokenComparison found = compare_tokens(ours, pair.student.head(), theirs, pair.teacher.head(), wanted);
  const at::Tensor agreed = found.agree.logical_and(wanted != kIgnoredTarget);
  return at::stack({found.student.sum(1, false, at::kDouble), found.teacher.sum(1, false, at::kDouble),
                    found.kl.sum(1, false, at::kDouble), agreed.sum(1, false, at::kDouble)})
      .to(at::kCPU)
      .t();
}

}  // namespace

std::vector<DocumentScore> score_sequences(const TeachingPair& pair, const at::Tensor& sequences, int64_t batch_size,
                                           Collectives& group) {
  const at::NoGradGuard no_grad;
  const at::Tensor table = at::zeros({sequences.size(0), 4}, at::kDouble);
  for (int64_t first = 0, batch = 0; first < sequences.size(0); first += batch_size, ++batch) {
    if (batch % group.size() != group.rank()) continue;
    const int64_t count = std::min(batch_size, sequences.size(0) - first);
    table.narrow(0, first, count).copy_(score_batch(pair, sequences, first, count));
  }
  group.sum({table});
  std::vector<DocumentScore> scores;
  const double* data = table.const_data_ptr<double>();
  for (int64_t row = 0; row < sequences.size(0); ++row, data += 4)
    scores.push_back({.tokens = sequences.size(1) - 1,
                      .log_likelihood = data[0],
                      .teacher_log_likelihood = data[1],
                      .kl = data[2],
                      .agreed = static_cast<int64_t>(data[3])});
  return scores;
}

TeachingScore total(const std::vector<DocumentScore>& scores) {
  DocumentScore all;
  for (const DocumentScore& score : scores) {
    all.tokens += score.tokens;
    all.log_likelihood += score.log_likelihood;
    all.teacher_log_likelihood += score.teacher_log_likelihood;
    all.kl += score.kl;
    all.agreed += score.agreed;
  }
  const auto tokens = static_cast<double>(all.tokens);
  return {.kl = all.kl / tokens,
          .perplexity = std::exp(-all.log_likelihood / tokens),
          .teacher_perplexity = std::exp(-all.teacher_log_likelihood / tokens),
          .agreement = static_cast<double>(all.agreed) / tokens};
}

}  // namespace frugal
