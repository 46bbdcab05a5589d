// Merges as files have them, pairs of texts, and their look-up in a vocabulary.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/tokenizers/merge_table.h"
#include "datasets/tokenizers/vocabulary.h"

namespace frugal::tokenizers {

// Pairs of texts, end to end in one buffer of less than 4 GiB.
class MergeTexts {
 public:
  struct Pair {
    std::string_view left, right;
  };
  std::size_t size() const { return ends_.size(); }
  Pair at(std::size_t index) const;
  void add(std::string_view left, std::string_view right);
  // "a b"; false when it is not two texts with one space between them.
  bool add(std::string_view pair);

 private:
  struct Ends {
    std::uint32_t left, right;
  };
  std::string text_;
  std::vector<Ends> ends_;
};

// The merges in ids, ranked in their order. `where` names the file in errors.
// Error(kBadData, "tokenizer_merges"): a token, or what two of them make, is not in the vocabulary.
std::vector<Merge> resolve_merges(const Vocabulary& vocabulary, const MergeTexts& texts, const std::string& where);

}  // namespace frugal::tokenizers
