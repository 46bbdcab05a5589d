#include "datasets/tokenizers/merge_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <queue>

namespace frugal::tokenizers {

namespace {

// Above this many symbols a heap is faster than looking through all pairs after every merge.
constexpr std::size_t kFewSymbols = 64;

void merge_few(const MergeTable& table, std::vector<TokenId>& symbols) {
  std::array<MergeTable::Found, kFewSymbols> pairs;  // pairs[i]: symbols i and i + 1
  std::size_t count = symbols.size();
  for (std::size_t i = 0; i + 1 < count; ++i) pairs[i] = table.find(symbols[i], symbols[i + 1]);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i)
      if (pairs[i].rank < pairs[best].rank) best = i;
    if (pairs[best].rank == MergeTable::kNoRank) break;
    symbols[best] = pairs[best].result;
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      pairs[i] = pairs[i + 1];
    }
    --count;
    if (best > 0) pairs[best - 1] = table.find(symbols[best - 1], symbols[best]);
    if (best + 1 < count) pairs[best] = table.find(symbols[best], symbols[best + 1]);
  }
  symbols.resize(count);
}

// A pair as it was when it was found; it is stale when its symbols have changed since.
struct Candidate {
  std::uint32_t rank, at;
  TokenId left, right, result;
  bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
};

// Symbols as a doubly linked list, so that a merge costs no shift.
class LinkedMerger {
 public:
  LinkedMerger(const MergeTable& table, const std::vector<TokenId>& symbols) : table_(table), nodes_(symbols.size()) {
    for (std::uint32_t i = 0; i < nodes_.size(); ++i)
      nodes_[i] = {symbols[i], i == 0 ? kEnd : i - 1, i + 1 == nodes_.size() ? kEnd : i + 1};
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) offer(i);
  }

  void run() {
    while (!queue_.empty()) {
      const auto top = queue_.top();
      queue_.pop();
      auto& node = nodes_[top.at];
      if (node.token != top.left || node.next == kEnd || nodes_[node.next].token != top.right) continue;
      nodes_[node.next].token = kGone;
      node.token = top.result;
      node.next = nodes_[node.next].next;
      if (node.next != kEnd) nodes_[node.next].previous = top.at;
      if (node.previous != kEnd) offer(node.previous);
      offer(top.at);
    }
  }

  void write(std::vector<TokenId>& symbols) const {
    symbols.clear();
    for (std::uint32_t at = 0; at != kEnd; at = nodes_[at].next) symbols.push_back(nodes_[at].token);
  }

 private:
  static constexpr std::uint32_t kEnd = ~std::uint32_t{0};
  static constexpr TokenId kGone = -1;
  struct Node {
    TokenId token;
    std::uint32_t previous, next;
  };

  void offer(std::uint32_t at) {
    const auto& node = nodes_[at];
    if (node.next == kEnd) return;
    const auto right = nodes_[node.next].token;
    if (const auto found = table_.find(node.token, right); found.rank != MergeTable::kNoRank)
      queue_.push({found.rank, at, node.token, right, found.result});
  }

  const MergeTable& table_;
  std::vector<Node> nodes_;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue_;
};

}  // namespace

MergeTable::MergeTable(std::span<const Merge> merges)
    : slots_(std::bit_ceil(std::max<std::size_t>(2, 2 * merges.size() + 1))) {
  for (const auto& merge : merges) {
    const auto key = key_of(merge.left, merge.right);
    auto at = home(key);
    while (slots_[at].key != 0 && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {key, {merge.rank, merge.result}};
  }
}

void merge_symbols(const MergeTable& table, std::vector<TokenId>& symbols) {
  if (symbols.size() <= kFewSymbols) return merge_few(table, symbols);
  LinkedMerger merger(table, symbols);
  merger.run();
  merger.write(symbols);
}

}  // namespace frugal::tokenizers
