#include "experiments/likelihood/plan.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace frugal {
namespace {

std::size_t longest_continuation(const ScoringItem& item) {
  std::size_t longest = 0;
  for (const TokenIds& continuation : item.continuations) longest = std::max(longest, continuation.size());
  return longest;
}

// Tokens of the item's first row behind the prefix.
std::size_t first_row(const ScoringItem& item, std::size_t prefix) {
  return item.context.size() - prefix + (item.continuations.size() == 1 ? item.continuations[0].size() - 1 : 0);
}

// Each context keeps one token of its own: what it predicts comes from its last one.
std::size_t common_prefix(const std::vector<ScoringItem>& items, const std::vector<std::size_t>& group) {
  const TokenIds& first = items[group.front()].context;
  std::size_t common = first.size() - 1;
  for (const std::size_t i : group) {
    const TokenIds& context = items[i].context;
    common = std::min(common, context.size() - 1);
    const auto differs =
        std::mismatch(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(common), context.begin());
    common = static_cast<std::size_t>(differs.first - first.begin());
  }
  return common;
}

void add_batches(const std::vector<ScoringItem>& items, std::vector<std::size_t> order, ScoringGroup group,
                 const PlanOptions& options, ScoringPlan& plan) {
  const auto length = [&](std::size_t i) { return first_row(items[i], group.prefix); };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return length(a) > length(b); });
  std::size_t rows = 0, widest = 0;
  for (const std::size_t i : order) {
    const std::size_t more = 1 + continuation_rows(items[i]);
    const bool open = !group.batches.empty() && rows > 0;
    const std::size_t members = open ? group.batches.back().size() : 0;
    if (!open || (members + 1) * widest > options.batch_tokens || rows + more > options.batch_rows) {
      group.batches.emplace_back();
      rows = 0;
      widest = length(i);  // the longest of its batch
    }
    group.batches.back().push_back(i);
    rows += more;
    plan.rows = std::max(plan.rows, rows);
    plan.capacity = std::max(plan.capacity, items[i].context.size() + longest_continuation(items[i]));
    plan.tokens += length(i);
    if (items[i].continuations.size() > 1)
      for (const TokenIds& continuation : items[i].continuations) plan.tokens += continuation.size() - 1;
    for (const TokenIds& continuation : items[i].continuations)
      plan.tokens_alone += items[i].context.size() + continuation.size() - 1;
  }
  plan.tokens += group.prefix;
  plan.groups.push_back(std::move(group));
}

}  // namespace

std::size_t continuation_rows(const ScoringItem& item) {
  if (item.continuations.size() == 1) return 0;
  return static_cast<std::size_t>(std::count_if(item.continuations.begin(), item.continuations.end(),
                                                [](const TokenIds& c) { return c.size() > 1; }));
}

ScoringPlan make_plan(const std::vector<ScoringItem>& items, const PlanOptions& options) {
  std::map<std::size_t, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < items.size(); ++i) groups[items[i].group].push_back(i);
  ScoringPlan plan;
  std::vector<std::size_t> others;
  for (auto& [group, members] : groups) {
    const std::size_t prefix = members.size() > 1 ? common_prefix(items, members) : 0;
    if (options.least_prefix > 0 && prefix >= options.least_prefix)
      add_batches(items, std::move(members), {.prefix = prefix}, options, plan);
    else
      others.insert(others.end(), members.begin(), members.end());
  }
  if (!others.empty()) add_batches(items, std::move(others), {}, options, plan);
  return plan;
}

}  // namespace frugal
