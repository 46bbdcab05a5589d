#include "datasets/tokenizers/wordpiece.h"

#include <algorithm>

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/unicode.h"

namespace frugal::tokenizers {

namespace {

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// The reference's list, in its order.
void clean_up(std::string& token) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) replace_all(token, from, to);
}

}  // namespace

WordPiece::WordPiece(const std::vector<std::pair<std::string, TokenId>>& vocabulary, WordPieceOptions options,
                     const std::string& where)
    : options_(std::move(options)) {
  const auto fail = [&](const std::string& message) {
    throw Error(ErrorKind::kBadData, "tokenizer_vocab", message, where);
  };
  sorted_.reserve(vocabulary.size());
  for (const auto& [token, id] : vocabulary) {
    if (id < 0 || id >= kMaxTokenId) fail(cat("the id ", id, " is not in 0..", kMaxTokenId - 1));
    if (token.size() > kMaxTokenBytes) fail(cat("an entry of ", token.size(), " bytes"));
    if (io::first_invalid_utf8(token)) fail(cat("the entry with id ", id, " is no UTF-8"));
    if (!trie_.insert(token, id)) fail(cat("the entry '", io::printable(token), "' appears twice"));
    sorted_.push_back({id, token});
  }
  std::sort(sorted_.begin(), sorted_.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
  const auto twice =
      std::adjacent_find(sorted_.begin(), sorted_.end(), [](const Entry& a, const Entry& b) { return a.id == b.id; });
  if (twice != sorted_.end())
    fail(cat("the id ", twice->id, " belongs to '", io::printable(twice->token), "' and '",
             io::printable(std::next(twice)->token), "'"));
  const auto unk = trie_.find(options_.unk_token);
  if (!unk) fail(cat("the unknown token '", io::printable(options_.unk_token), "' is not in the vocabulary"));
  unk_ = *unk;
  continuation_ = trie_.walk(ByteTrie::kRoot, options_.continuing_subword_prefix);
}

void WordPiece::tokenize(std::string_view text, std::vector<TokenId>& ids) const {
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

std::optional<std::string_view> WordPiece::id_to_token(TokenId id) const {
  const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), id,
                                   [](const Entry& entry, TokenId wanted) { return entry.id < wanted; });
  if (at == sorted_.end() || at->id != id) return std::nullopt;
  return at->token;
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
