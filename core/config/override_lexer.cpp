#include "core/config/override_lexer.h"

#include <algorithm>

#include "core/config/errors.h"
#include "core/config/lexical.h"

namespace frugal::config::grammar {

namespace {

// [A-Za-z_$][A-Za-z0-9_$-]*
std::size_t special_key(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size()) {
    const char c = text[n];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
    if (!letter && (n == 0 || !((c >= '0' && c <= '9') || c == '-'))) break;
    ++n;
  }
  return n;
}

std::size_t path_segment(std::string_view text) {
  return std::max(special_key(text), lexical::unsigned_integer(text));
}

// Two or more segments with dots between.
std::size_t dot_path(std::string_view text) {
  auto n = path_segment(text);
  if (n == 0) return 0;
  bool dotted = false;
  while (n < text.size() && text[n] == '.') {
    const auto next = path_segment(text.substr(n + 1));
    if (next == 0) break;
    n += 1 + next;
    dotted = true;
  }
  return dotted ? n : 0;
}

// A quote closes at the first one with an even number of backslashes in front.
std::size_t quoted(std::string_view text) {
  const char quote = text[0];
  if (quote != '\'' && quote != '"') return 0;
  std::size_t slashes = 0;
  for (std::size_t n = 1; n < text.size(); ++n) {
    if (text[n] == quote && slashes % 2 == 0) return n + 1;
    slashes = text[n] == '\\' ? slashes + 1 : 0;
  }
  return 0;
}

std::size_t interpolation(std::string_view text) {
  if (!text.starts_with("${")) return 0;
  const auto close = text.find('}');
  return close == std::string_view::npos || close == 2 ? 0 : close + 1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (at_ < text_.size())
      if (in_value_)
        value();
      else
        key();
    tokens_.push_back({TokenType::kEnd, {}, at_});
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }

  void emit(TokenType type, std::size_t length) {
    tokens_.push_back({type, text_.substr(at_, length), at_});
    at_ += length;
  }

  [[noreturn]] void unexpected() const {
    fail("syntax_error", cat("unexpected '", text_.substr(at_, 1), "'"),
         cat("override '", text_, "', character ", at_ + 1), "quote values with special characters: key='value'");
  }

  void key() {
    switch (rest()[0]) {
      case '=':
        emit(TokenType::kEqual, 1 + lexical::blanks(rest().substr(1)));
        in_value_ = true;
        return;
      case '~':
        return emit(TokenType::kTilde, 1);
      case '+':
        return emit(TokenType::kPlus, 1);
      case '@':
        return emit(TokenType::kAt, 1);
      case ':':
        return emit(TokenType::kColon, 1);
      case '/':
        return emit(TokenType::kSlash, 1);
      default:
        break;
    }
    const auto id = lexical::identifier(rest());
    const auto special = special_key(rest());
    const auto path = dot_path(rest());
    if (path > std::max(id, special)) return emit(TokenType::kDotPath, path);
    if (std::max(id, special) == 0) unexpected();
    id >= special ? emit(TokenType::kId, id) : emit(TokenType::kKeySpecial, special);
  }

  // '(' ')' ',' '[' ']' '{' '}' ':' '=' with the blanks that belong to them.
  bool punctuation() {
    const auto blanks = lexical::blanks(rest());
    if (at_ + blanks >= text_.size()) return false;
    const auto tail = blanks + 1 + lexical::blanks(rest().substr(blanks + 1));
    switch (rest()[blanks]) {
      case '(':
        return emit(TokenType::kParenOpen, tail), true;
      case ',':
        return emit(TokenType::kComma, tail), true;
      case ':':
        return emit(TokenType::kColon, tail), true;
      case '=':
        return emit(TokenType::kEqual, tail), true;
      case ')':
        return emit(TokenType::kParenClose, blanks + 1), true;
      case ']':
        return emit(TokenType::kBracketClose, blanks + 1), true;
      case '}':
        return emit(TokenType::kBraceClose, blanks + 1), true;
      case '[':
        return blanks == 0 && (emit(TokenType::kBracketOpen, tail), true);
      case '{':
        return blanks == 0 && (emit(TokenType::kBraceOpen, tail), true);
      default:
        return false;
    }
  }

  void value() {
    if (punctuation()) return;
    // In the grammar's order: of equally long matches the first wins.
    const std::pair<TokenType, std::size_t> candidates[] = {
        {TokenType::kFloat, lexical::floating(rest())},
        {TokenType::kInt, lexical::integer(rest())},
        {TokenType::kBool, std::max(lexical::word(rest(), "true"), lexical::word(rest(), "false"))},
        {TokenType::kNull, lexical::word(rest(), "null")},
        {TokenType::kUnquotedChar, lexical::unquoted_char(rest()[0]) ? 1 : 0},
        {TokenType::kId, lexical::identifier(rest())},
        {TokenType::kEscape, lexical::escapes(rest())},
        {TokenType::kBlanks, lexical::blanks(rest())},
        {TokenType::kQuoted, quoted(rest())},
        {TokenType::kInterpolation, interpolation(rest())},
    };
    const auto* best = std::max_element(std::begin(candidates), std::end(candidates),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best->second == 0) unexpected();
    emit(best->first, best->second);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool in_value_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text) {
  return Lexer(text).run();
}

}  // namespace frugal::config::grammar
