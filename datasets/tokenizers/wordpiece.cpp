#include "datasets/tokenizers/wordpiece.h"

#include <algorithm>

#include "core/error.h"
#include "core/io/utf8.h"
#include "core/text.h"
#include "datasets/tokenizers/unicode.h"

namespace frugal::tokenizers {

namespace {

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// The reference's list, in its order.
void clean_up(std::string& token) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) token = replace_all(token, from, to);
}

}  // namespace

WordPiece::WordPiece(Vocabulary vocabulary, WordPieceOptions options, const std::string& where)
    : vocabulary_(std::move(vocabulary)), options_(std::move(options)) {
  for (const auto& [id, token] : vocabulary_.entries()) trie_.insert(token, id);
  const auto unk = vocabulary_.find(options_.unk_token);
  if (!unk)
    throw Error(ErrorKind::kBadData, "tokenizer_vocab",
                cat("the unknown token '", io::printable(options_.unk_token), "' is not in the vocabulary"), where);
  unk_ = *unk;
  continuation_ = trie_.walk(ByteTrie::kRoot, options_.continuing_subword_prefix);
}

void WordPiece::tokenize(std::string_view text, bool /*at_start*/, std::vector<TokenId>& ids) const {
  std::size_t word = 0;  // where the current word starts
  for (std::size_t at = 0; at < text.size();) {
    const auto step = io::decode_utf8(text, at);
    const bool punctuation = is_bert_punctuation(step.code_point);
    if (punctuation || is_whitespace(step.code_point)) {
      if (at > word) tokenize_word(text.substr(word, at - word), ids);
      if (punctuation) tokenize_word(text.substr(at, step.bytes), ids);
      word = at + step.bytes;
    }
    at += step.bytes;
  }
  if (text.size() > word) tokenize_word(text.substr(word), ids);
}

void WordPiece::tokenize_word(std::string_view word, std::vector<TokenId>& ids) const {
  if (word.size() > options_.max_input_chars_per_word && count_characters(word) > options_.max_input_chars_per_word) {
    ids.push_back(unk_);
    return;
  }
  const auto before = ids.size();
  // Entries and text are both UTF-8, so a match always ends between characters.
  for (std::size_t at = 0; at < word.size();) {
    const auto node = at == 0 ? ByteTrie::kRoot : continuation_;
    const auto match = node == ByteTrie::kNone ? ByteTrie::Match{} : trie_.longest_prefix(node, word.substr(at));
    if (match.value == ByteTrie::kNoValue) {
      ids.resize(before);
      ids.push_back(unk_);
      return;
    }
    ids.push_back(match.value);
    at += match.length;
  }
}

std::string WordPiece::join(const std::vector<std::string>& tokens) const {
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::string token = tokens[i];
    if (!options_.decoder) {
      text += i > 0 ? " " + token : token;
      continue;
    }
    if (i > 0) {
      if (token.starts_with(options_.decoder_prefix)) {
        token.erase(0, options_.decoder_prefix.size());
      } else {
        token.insert(0, " ");
      }
    }
    if (options_.decoder_cleanup) clean_up(token);
    text += token;
  }
  return text;
}

}  // namespace frugal::tokenizers
