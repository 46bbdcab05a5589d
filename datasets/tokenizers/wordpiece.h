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
#include "datasets/tokenizers/vocabulary.h"

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

class WordPiece final : public TextModel {
 public:
  // `where` names the file in errors: Error(kBadData, "tokenizer_vocab") without unk_token.
  WordPiece(Vocabulary vocabulary, WordPieceOptions options, const std::string& where);

  std::string normalize(std::string_view text) const override { return options_.normalizer.normalize(text); }
  void tokenize(std::string_view normalized, bool at_start, std::vector<TokenId>& ids) const override;
  std::optional<TokenId> token_to_id(std::string_view token) const override { return vocabulary_.find(token); }
  std::optional<std::string_view> id_to_token(TokenId id) const override { return vocabulary_.token(id); }
  std::size_t entries() const override { return vocabulary_.entries().size(); }
  std::size_t id_end() const override { return vocabulary_.id_end(); }
  std::string join(const std::vector<std::string>& tokens) const override;
  std::string_view algorithm() const override { return "WordPiece"; }

 private:
  void tokenize_word(std::string_view word, std::vector<TokenId>& ids) const;

  Vocabulary vocabulary_;
  WordPieceOptions options_;
  ByteTrie trie_;
  ByteTrie::Node continuation_ = ByteTrie::kNone;  // where the walk of a continuation entry starts
  TokenId unk_ = 0;
};

}  // namespace frugal::tokenizers
