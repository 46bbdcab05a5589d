// Tokens that are looked for in the text itself, before any model sees it: [MASK] and whatever a user added.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/tokenizers/byte_trie.h"
#include "datasets/tokenizers/text_model.h"

namespace frugal::tokenizers {

struct AddedToken {
  std::string content;
  bool single_word = false;  // only where no word character stands on either side
  bool lstrip = false;       // swallows white space to its left
  bool rstrip = false;       // ... and to its right
  bool normalized = false;   // looked for in normalized text, in its own normalized form
  bool special = false;      // left out by decode(skip_special_tokens)
};

// Matching rules of Python's tokenizers 0.23: leftmost, then longest; a match that single_word rejects still consumes
// its text as a candidate.
class AddedTokens {
 public:
  // Ids: the model's where it has the token, else the next free one after the model's entries, in the given order.
  // Error(kBadData, "tokenizer_json") when two tokens look for the same text, or one for nothing.
  AddedTokens(const std::vector<AddedToken>& tokens, const TextModel& model, const std::string& where);

  // A stretch of text: an added token, or text between them.
  struct Piece {
    std::optional<TokenId> id;
    std::string_view text;
  };
  std::vector<Piece> split_raw(std::string_view text) const { return split(text, raw_); }
  std::vector<Piece> split_normalized(std::string_view text) const { return split(text, normalized_); }

  std::optional<TokenId> token_to_id(std::string_view token) const;
  // nullptr when the id belongs to no added token.
  const AddedToken* find(TokenId id) const;
  // The text that decoding shows: the normalized form where the token has one.
  std::string display(TokenId id) const;
  std::size_t id_end() const { return by_id_.empty() ? 0 : static_cast<std::size_t>(by_id_.rbegin()->first) + 1; }

 private:
  // Which texts to look for, and which bytes can start one.
  struct Matcher {
    ByteTrie trie;
    std::vector<bool> first_bytes = std::vector<bool>(256);
    bool empty = true;
  };
  struct Known {
    AddedToken token;
    std::string normalized;
  };
  std::vector<Piece> split(std::string_view text, const Matcher& matcher) const;

  std::map<TokenId, Known> by_id_;
  std::map<std::string, TokenId, std::less<>> ids_;
  Matcher raw_, normalized_;
};

}  // namespace frugal::tokenizers
