// The entries of a vocabulary with their ids, checked: what every model that has a list of tokens starts from.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datasets/tokenizers/string_table.h"
#include "datasets/tokenizers/tokenizer.h"

namespace frugal::tokenizers {

// Most ids and longest entry that a vocabulary may have.
inline constexpr TokenId kMaxTokenId = 1 << 24;
inline constexpr std::size_t kMaxTokenBytes = 4096;

using VocabularyEntries = std::vector<std::pair<std::string, TokenId>>;

class Vocabulary {
 public:
  struct Entry {
    TokenId id;
    std::string_view token;  // valid while the vocabulary lives
  };

  // entries: UTF-8, in any order. `where` names the file in errors.
  // Error(kBadData, "tokenizer_vocab"): an entry or an id twice, an id outside [0, 2^24), an entry that is too long or
  // no UTF-8.
  Vocabulary(const VocabularyEntries& entries, const std::string& where);

  std::optional<TokenId> find(std::string_view token) const { return table_.find(token); }
  std::optional<std::string_view> token(TokenId id) const;
  // By id.
  const std::vector<Entry>& entries() const { return sorted_; }
  // Highest id + 1; 0 without entries.
  std::size_t id_end() const { return sorted_.empty() ? 0 : static_cast<std::size_t>(sorted_.back().id) + 1; }

 private:
  StringTable table_;
  std::vector<Entry> sorted_;
};

}  // namespace frugal::tokenizers
