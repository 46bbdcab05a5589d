#include "datasets/tokenizers/vocabulary.h"

#include <algorithm>

#include "core/error.h"
#include "core/io/utf8.h"

namespace frugal::tokenizers {

Vocabulary::Vocabulary(const VocabularyEntries& entries, const std::string& where) {
  const auto fail = [&](const std::string& message) {
    throw Error(ErrorKind::kBadData, "tokenizer_vocab", message, where);
  };
  std::size_t bytes = 0;
  for (const auto& [token, id] : entries) {
    if (id < 0 || id >= kMaxTokenId) fail(cat("the id ", id, " is not in 0..", kMaxTokenId - 1));
    if (token.size() > kMaxTokenBytes) fail(cat("an entry of ", token.size(), " bytes"));
    if (io::first_invalid_utf8(token)) fail(cat("the entry with id ", id, " is no UTF-8"));
    bytes += token.size();
  }
  table_.reserve(entries.size(), bytes);
  sorted_.reserve(entries.size());
  for (const auto& [token, id] : entries) {
    if (!table_.insert(token, id)) fail(cat("the entry '", io::printable(token), "' appears twice"));
    sorted_.push_back({id, table_.last_key()});
  }
  std::sort(sorted_.begin(), sorted_.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
  const auto twice =
      std::adjacent_find(sorted_.begin(), sorted_.end(), [](const Entry& a, const Entry& b) { return a.id == b.id; });
  if (twice != sorted_.end())
    fail(cat("the id ", twice->id, " belongs to '", io::printable(twice->token), "' and '",
             io::printable(std::next(twice)->token), "'"));
}

std::optional<std::string_view> Vocabulary::token(TokenId id) const {
  const auto index = static_cast<std::size_t>(id);  // ids without gaps are their own place
  if (id >= 0 && index < sorted_.size() && sorted_[index].id == id) return sorted_[index].token;
  const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), id,
                                   [](const Entry& entry, TokenId wanted) { return entry.id < wanted; });
  if (at == sorted_.end() || at->id != id) return std::nullopt;
  return at->token;
}

}  // namespace frugal::tokenizers
