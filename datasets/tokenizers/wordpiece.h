// WordPiece (Schuster and Nakajima, 2012) as BERT uses it: words split at white space and punctuation, each covered
// greedily by the longest vocabulary entries, continuation entries written with a prefix.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "datasets/tokenizers/bert_normalizer.h"
#include "datasets/tokenizers/byte_trie.h"
#include "datasets/tokenizers/text_model.h"

namespace frugal::tokenizers {

struct WordPieceOptions {
  BertNormalizer normalizer;
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  std::size_t max_input_chars_per_word = 100;  // a longer word is unk_token
  bool decoder = true;                         // join(): false puts a space between all tokens and does nothing else
  bool decoder_cleanup = true;                 // join(): no space before punctuation and English clitics
  std::string decoder_prefix = "##";
};

// Most ids and longest entry that a vocabulary may have.
inline constexpr TokenId kMaxTokenId = 1 << 24;
inline constexpr std::size_t kMaxTokenBytes = 4096;

class WordPiece final : public TextModel {
 public:
  // vocabulary: entries with their ids, UTF-8, in any order. `where` names the file in errors.
  // Error(kBadData, "tokenizer_vocab"): an entry or an id twice, an id outside [0, 2^24), an entry that is too long or
  // no UTF-8, no unk_token.
  WordPiece(const std::vector<std::pair<std::string, TokenId>>& vocabulary, WordPieceOptions options,
            const std::string& where);

  std::string normalize(std::string_view text) const override { return options_.normalizer.normalize(text); }
  void tokenize(std::string_view normalized, std::vector<TokenId>& ids) const override;
  std::optional<TokenId> token_to_id(std::string_view token) const override { return trie_.find(token); }
  std::optional<std::string_view> id_to_token(TokenId id) const override;
  std::size_t entries() const override { return sorted_.size(); }
  std::size_t id_end() const override { return sorted_.empty() ? 0 : static_cast<std::size_t>(sorted_.back().id) + 1; }
  std::string join(const std::vector<std::string>& tokens) const override;

 private:
  struct Entry {
    TokenId id;
    std::string token;
  };
  void tokenize_word(std::string_view word, std::vector<TokenId>& ids) const;

  WordPieceOptions options_;
  ByteTrie trie_;
  ByteTrie::Node continuation_ = ByteTrie::kNone;  // where the walk of a continuation entry starts
  std::vector<Entry> sorted_;                      // by id
  TokenId unk_ = 0;
};

}  // namespace frugal::tokenizers
