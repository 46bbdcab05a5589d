// The merges of byte pair encoding: for a pair of neighbouring tokens, how soon it merges and into what. Looked up for
// every pair of every word, so one open-addressing table of 16 bytes an entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"

namespace frugal::tokenizers {

struct Merge {
  TokenId left, right, result;
  std::uint32_t rank;  // lower merges first; equal ones from left to right
};

class MergeTable {
 public:
  static constexpr std::uint32_t kNoRank = ~std::uint32_t{0};
  struct Found {
    std::uint32_t rank = kNoRank;  // kNoRank: the pair does not merge
    TokenId result = 0;
  };

  MergeTable() : slots_(1) {}
  // Of two merges of one pair the later counts, as in the reference. Ranks below kNoRank.
  explicit MergeTable(std::span<const Merge> merges);

  Found find(TokenId left, TokenId right) const {
    const auto key = key_of(left, right);
    for (auto at = home(key);; at = (at + 1) & (slots_.size() - 1)) {
      const auto& slot = slots_[at];
      if (slot.key == key) return slot.found;
      if (slot.key == 0) return {};
    }
  }

 private:
  struct Slot {
    std::uint64_t key = 0;  // 0: free
    Found found;
  };
  static std::uint64_t key_of(TokenId left, TokenId right) {
    return (std::uint64_t{static_cast<std::uint32_t>(left)} + 1) << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t home(std::uint64_t key) const {
    const auto mixed = key * 0x9E3779B97F4A7C15u;
    return (mixed ^ mixed >> 29) >> 8 & (slots_.size() - 1);
  }

  std::vector<Slot> slots_;  // a power of two, at most half full
};

// Merges neighbours of `symbols` in place: always the pair of lowest rank, the leftmost of equal ones, until none
// merges. O(n log n) for long sequences.
void merge_symbols(const MergeTable& table, std::vector<TokenId>& symbols);

}  // namespace frugal::tokenizers
