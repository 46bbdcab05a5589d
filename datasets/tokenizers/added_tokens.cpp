#include "datasets/tokenizers/added_tokens.h"

#include <algorithm>

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/unicode.h"

namespace frugal::tokenizers {

namespace {

// The code point that ends right before `end`; text may hold bytes that are no UTF-8.
io::Utf8Step step_before(std::string_view text, std::size_t end) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(4, end); ++back) {
    const auto step = io::decode_utf8(text, end - back);
    if (step.valid && step.bytes == back) return step;
  }
  return {0xFFFD, 1, false};
}

bool word_before(std::string_view text, std::size_t end) {
  return end > 0 && is_word_character(step_before(text, end).code_point);
}

bool word_after(std::string_view text, std::size_t begin) {
  return begin < text.size() && is_word_character(io::decode_utf8(text, begin).code_point);
}

std::size_t skip_space_left(std::string_view text, std::size_t end) {
  while (end > 0) {
    const auto step = step_before(text, end);
    if (!is_whitespace(step.code_point)) break;
    end -= step.bytes;
  }
  return end;
}

std::size_t skip_space_right(std::string_view text, std::size_t begin) {
  while (begin < text.size()) {
    const auto step = io::decode_utf8(text, begin);
    if (!is_whitespace(step.code_point)) break;
    begin += step.bytes;
  }
  return begin;
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, const TextModel& model, const std::string& where) {
  auto next = static_cast<TokenId>(model.entries());
  for (const auto& token : tokens) {
    if (token.content.empty()) continue;  // the reference ignores them, too
    auto id = token_to_id(token.content);
    if (!id) id = model.token_to_id(token.content);
    if (!id) id = next++;
    ids_[token.content] = *id;
    by_id_[*id] = {token, token.normalized ? model.normalize(token.content) : token.content};
  }
  for (const auto& [id, known] : by_id_) {
    auto& matcher = known.token.normalized ? normalized_ : raw_;
    const auto& text = known.normalized;
    if (text.empty() || !matcher.trie.insert(text, id))
      throw Error(ErrorKind::kBadData, "tokenizer_json",
                  cat("the added token '", io::printable(known.token.content), "' looks for ",
                      text.empty() ? "an empty text" : "the same text as another one"),
                  where);
    matcher.first_bytes[static_cast<unsigned char>(text[0])] = true;
    matcher.empty = false;
  }
}

std::vector<AddedTokens::Piece> AddedTokens::split(std::string_view text, const Matcher& matcher) const {
  std::vector<Piece> pieces;
  std::size_t done = 0;  // text before this is in a piece
  for (std::size_t at = 0; !matcher.empty && at < text.size();) {
    ByteTrie::Match match;
    if (matcher.first_bytes[static_cast<unsigned char>(text[at])])
      match = matcher.trie.longest_prefix(ByteTrie::kRoot, text.substr(at));
    if (match.value == ByteTrie::kNoValue) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + match.length;
    at = end;
    const auto& token = by_id_.at(match.value).token;
    if (token.single_word && (word_before(text, begin) || word_after(text, end))) continue;
    if (token.lstrip) begin = std::max(skip_space_left(text, begin), done);  // `done` may have swallowed that space
    if (token.rstrip) end = skip_space_right(text, end);
    if (done < begin) pieces.push_back({std::nullopt, text.substr(done, begin - done)});
    pieces.push_back({match.value, text.substr(begin, end > begin ? end - begin : 0)});
    done = std::max(done, end);
  }
  if (done < text.size()) pieces.push_back({std::nullopt, text.substr(done)});
  return pieces;
}

std::optional<TokenId> AddedTokens::token_to_id(std::string_view token) const {
  const auto at = ids_.find(token);
  return at == ids_.end() ? std::nullopt : std::optional(at->second);
}

const AddedToken* AddedTokens::find(TokenId id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &at->second.token;
}

std::string AddedTokens::display(TokenId id) const {
  return by_id_.at(id).normalized;
}

}  // namespace frugal::tokenizers
