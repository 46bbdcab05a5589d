#include "experiments/likelihood/scorer.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <numeric>

#include "experiments/likelihood/ragged.h"
#include "models/language/likelihood.h"
#include "models/nn/pass.h"

namespace frugal {
namespace {

using Scores = std::vector<std::vector<ContinuationScore>>;

std::vector<int64_t> row_range(std::size_t begin, std::size_t count) {
  std::vector<int64_t> rows(count);
  std::iota(rows.begin(), rows.end(), static_cast<int64_t>(begin));
  return rows;
}

class Scorer {
 public:
  Scorer(LanguageModel& model, const std::vector<ScoringItem>& items, const ScoringPlan& plan, const at::Device& device)
      : model_(model),
        items_(items),
        plan_(plan),
        device_(device),
        head_(model.head()),
        cache_(model.make_cache(static_cast<int64_t>(plan.rows), static_cast<int64_t>(plan.capacity))) {
    for (const ScoringItem& item : items) scores_.emplace_back(item.continuations.size());
  }

  Scores run(const std::function<void(std::size_t)>& after_batch) {
    std::size_t done = 0;
    for (const ScoringGroup& group : plan_.groups) {
      start(group);
      for (const auto& batch : group.batches) {
        score_contexts(batch, group.prefix);
        score_continuations(batch);
        done += batch.size();
        if (after_batch) after_batch(done);
      }
    }
    return std::move(scores_);
  }

 private:
  // Every row holds the group's prefix.
  void start(const ScoringGroup& group) {
    cache_->clear();
    if (group.prefix == 0) return;
    const TokenIds& context = items_[group.batches.front().front()].context;
    Ragged prefix{{TokenIds(context.begin(), context.begin() + static_cast<std::ptrdiff_t>(group.prefix))}};
    hidden(prefix, {0});
    const std::size_t others = plan_.rows - 1;
    cache_->fork(std::vector<int64_t>(others, 0), row_range(1, others),
                 std::vector<int64_t>(others, static_cast<int64_t>(group.prefix)));
  }

  at::Tensor hidden(const Ragged& ragged, std::vector<int64_t> rows) {
    LanguageModelInputs inputs{.input_ids = ragged.padded(0).to(device_), .lengths = ragged.lengths()};
    inputs.rows = std::move(rows);
    return model_.hidden_states(inputs, cache_.get(), Pass::evaluation());
  }

  // The contexts, row by row; with them the continuation of an item that has only one, else the first token of each.
  void score_contexts(const std::vector<std::size_t>& batch, std::size_t prefix) {
    Ragged inputs, targets;
    std::vector<int64_t> last;
    for (std::size_t row = 0; row < batch.size(); ++row) {
      cache_->truncate(static_cast<int64_t>(row), static_cast<int64_t>(prefix));
      const ScoringItem& item = items_[batch[row]];
      TokenIds ids(item.context.begin() + static_cast<std::ptrdiff_t>(prefix), item.context.end());
      TokenIds wanted(ids.size() - 1, kIgnoredTarget);
      last.push_back(static_cast<int64_t>(ids.size()) - 1);
      if (item.continuations.size() == 1) {
        const TokenIds& only = item.continuations.front();
        ids.insert(ids.end(), only.begin(), only.end() - 1);
        wanted.insert(wanted.end(), only.begin(), only.end());
      }
      inputs.rows.push_back(std::move(ids));
      targets.rows.push_back(std::move(wanted));
    }
    const at::Tensor states = hidden(inputs, row_range(0, batch.size()));
    std::vector<Place> places;
    for (std::size_t row = 0; row < batch.size(); ++row)
      if (items_[batch[row]].continuations.size() == 1) places.push_back({batch[row], 0, row});
    if (!places.empty()) add_tokens(states, targets, places);
    add_first_tokens(states, batch, last);
  }

  struct Place {
    std::size_t item, continuation, row;  // row of the call
  };

  void add_tokens(const at::Tensor& states, const Ragged& targets, const std::vector<Place>& places) {
    // Rows of targets are one shorter than the states where no continuation ran with its context.
    const at::Tensor wanted = targets.padded(kIgnoredTarget, static_cast<std::size_t>(states.size(1)));
    const TokenScores scored = score_tokens(states, wanted.to(device_), head_);
    const at::Tensor sums = scored.log_probabilities.sum(1, false, at::kDouble).to(at::kCPU);
    const at::Tensor greedy = scored.greedy.all(1).to(at::kCPU);
    for (const Place& place : places) {
      ContinuationScore& score = scores_[place.item][place.continuation];
      score.log_likelihood += sums.const_data_ptr<double>()[place.row];
      score.greedy = score.greedy && greedy.const_data_ptr<bool>()[place.row];
    }
  }

  // The first token of every continuation of items with several: all from the context's last state.
  void add_first_tokens(const at::Tensor& states, const std::vector<std::size_t>& batch,
                        const std::vector<int64_t>& last) {
    std::vector<int64_t> picked;
    std::vector<Place> places;
    TokenIds firsts;
    const int64_t width = states.size(1);
    for (std::size_t row = 0; row < batch.size(); ++row) {
      const ScoringItem& item = items_[batch[row]];
      if (item.continuations.size() == 1) continue;
      for (std::size_t c = 0; c < item.continuations.size(); ++c) {
        picked.push_back(static_cast<int64_t>(row) * width + last[row]);
        places.push_back({batch[row], c, places.size()});
        firsts.push_back(item.continuations[c].front());
      }
    }
    if (places.empty()) return;
    const at::Tensor index = Ragged{{picked}}.padded(0).flatten().to(device_);
    const at::Tensor chosen = states.flatten(0, 1).index_select(0, index).unsqueeze(1);
    Ragged targets;
    for (const int64_t first : firsts) targets.rows.push_back({first});
    add_tokens(chosen, targets, places);
  }

  // What follows the first tokens, each continuation in a row of its own behind its context.
  void score_continuations(const std::vector<std::size_t>& batch) {
    Ragged inputs, targets;
    std::vector<Place> places;
    std::vector<int64_t> contexts, lengths;
    for (std::size_t row = 0; row < batch.size(); ++row) {
      const ScoringItem& item = items_[batch[row]];
      if (item.continuations.size() == 1) continue;
      for (std::size_t c = 0; c < item.continuations.size(); ++c) {
        const TokenIds& continuation = item.continuations[c];
        if (continuation.size() == 1) continue;
        contexts.push_back(static_cast<int64_t>(row));
        lengths.push_back(cache_->length(contexts.back()));
        places.push_back({batch[row], c, places.size()});
        inputs.rows.emplace_back(continuation.begin(), continuation.end() - 1);
        targets.rows.emplace_back(continuation.begin() + 1, continuation.end());
      }
    }
    if (places.empty()) return;
    const std::vector<int64_t> rows = row_range(batch.size(), places.size());
    cache_->fork(contexts, rows, lengths);
    add_tokens(hidden(inputs, rows), targets, places);
  }

  LanguageModel& model_;
  const std::vector<ScoringItem>& items_;
  const ScoringPlan& plan_;
  at::Device device_;
  Linear head_;
  std::unique_ptr<KvCache> cache_;
  Scores scores_;
};

}  // namespace

Scores score_items(LanguageModel& model, const std::vector<ScoringItem>& items, const ScoringPlan& plan,
                   const at::Device& device, const std::function<void(std::size_t)>& after_batch) {
  const c10::InferenceMode inference;
  return Scorer(model, items, plan, device).run(after_batch);
}

}  // namespace frugal
