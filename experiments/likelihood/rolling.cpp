#include "experiments/likelihood/rolling.h"

#include <c10/core/InferenceMode.h>

#include "experiments/likelihood/ragged.h"
#include "models/language/distillation_loss.h"
#include "models/nn/pass.h"

namespace frugal {
namespace {

// [B] sums over each row, on the host.
std::vector<double> row_sums(const at::Tensor& values) {
  const at::Tensor sums = values.sum(1, false, at::kDouble).to(at::kCPU);
  const double* data = sums.const_data_ptr<double>();
  return {data, data + sums.numel()};
}

class RollingScorer {
 public:
  RollingScorer(const RollingRequest& request, const std::vector<Window>& windows, std::size_t documents)
      : request_(request), windows_(windows), scores_(documents) {}

  void add(const std::vector<std::size_t>& batch) {
    Ragged inputs, targets;
    for (const std::size_t i : batch) {
      const Window& window = windows_[i];
      inputs.rows.push_back(window.input);
      TokenIds wanted(window.input.size() - window.scored, kIgnoredTarget);
      wanted.insert(wanted.end(), window.targets.begin(), window.targets.end());
      targets.rows.push_back(std::move(wanted));
    }
    const at::Tensor ids = inputs.padded(0).to(request_.device);
    const at::Tensor wanted = targets.padded(kIgnoredTarget).to(request_.device);
    for (const std::size_t i : batch) scores_[windows_[i].document].tokens += static_cast<int64_t>(windows_[i].scored);
    const at::Tensor hidden = hidden_of(request_.model, ids);
    if (request_.teacher == nullptr)
      add_rows(batch, score_tokens(hidden, wanted, request_.model.head()).log_probabilities,
               &DocumentScore::log_likelihood);
    else
      add_comparison(batch,
                     compare_tokens(hidden, request_.model.head(), hidden_of(*request_.teacher, ids),
                                    request_.teacher->head(), wanted),
                     wanted);
  }

  std::vector<DocumentScore> take() { return std::move(scores_); }

 private:
  static at::Tensor hidden_of(LanguageModel& model, const at::Tensor& ids) {
    return model.hidden_states({.input_ids = ids}, nullptr, Pass::evaluation());
  }

  template <typename Number>
  void add_rows(const std::vector<std::size_t>& batch, const at::Tensor& values, Number DocumentScore::* member) {
    const std::vector<double> sums = row_sums(values);
    for (std::size_t row = 0; row < batch.size(); ++row)
      scores_[windows_[batch[row]].document].*member += static_cast<Number>(sums[row]);
  }

  void add_comparison(const std::vector<std::size_t>& batch, const TokenComparison& found, const at::Tensor& wanted) {
    add_rows(batch, found.student, &DocumentScore::log_likelihood);
    add_rows(batch, found.teacher, &DocumentScore::teacher_log_likelihood);
    add_rows(batch, found.kl, &DocumentScore::kl);
    add_rows(batch, found.agree.logical_and(wanted != kIgnoredTarget), &DocumentScore::agreed);
  }

  const RollingRequest& request_;
  const std::vector<Window>& windows_;
  std::vector<DocumentScore> scores_;
};

}  // namespace

std::vector<DocumentScore> score_windows(const RollingRequest& request, const std::vector<Window>& windows,
                                         std::size_t documents, const std::function<void()>& after_batch) {
  const c10::InferenceMode inference;
  RollingScorer scorer(request, windows, documents);
  for (const auto& batch : window_batches(windows, request.batch_tokens)) {
    scorer.add(batch);
    if (after_batch) after_batch();
  }
  return scorer.take();
}

}  // namespace frugal
