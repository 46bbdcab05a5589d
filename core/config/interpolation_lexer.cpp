#include "core/config/interpolation_lexer.h"

#include <algorithm>

#include "core/config/errors.h"
#include "core/config/lexical.h"

namespace frugal::config::interpolation {

namespace {

class Lexer {
 public:
  Lexer(std::string_view text, Mode start) : rest_(text), text_(text), modes_{start} {}

  std::vector<Token> run() {
    while (!rest_.empty()) step();
    tokens_.push_back({TokenType::kEnd, rest_});
    return std::move(tokens_);
  }

 private:
  void step() {
    switch (modes_.back()) {
      case Mode::kText: return text('\0');
      case Mode::kSingleQuoted: return text('\'');
      case Mode::kDoubleQuoted: return text('"');
      case Mode::kValue: return value();
      case Mode::kInterpolation: return interpolation();
    }
  }

  void emit(TokenType type, std::size_t length) {
    tokens_.push_back({type, rest_.substr(0, length)});
    rest_.remove_prefix(length);
  }

  void emit_open(std::size_t length, TokenType type, Mode mode) {
    emit(type, length);
    modes_.push_back(mode);
  }

  void emit_close(TokenType type, std::size_t length) {
    if (modes_.size() == 1) unexpected();
    emit(type, length);
    modes_.pop_back();
  }

  [[noreturn]] void unexpected() const {
    fail("grammar_error", cat("unexpected '", rest_.substr(0, 1), "' at character ", text_.size() - rest_.size() + 1,
                              " of '", text_, "'"));
  }

  bool inter_open() {
    if (!rest_.starts_with("${")) return false;
    emit_open(2 + lexical::blanks(rest_.substr(2)), TokenType::kInterOpen, Mode::kInterpolation);
    return true;
  }

  // Free text up to '$' or the closing quote. Backslashes count only in front of "${" and of the quote.
  void text(char quote) {
    if (inter_open()) return;
    if (rest_[0] == '$') return emit(TokenType::kAnyText, 1);
    if (quote != '\0' && rest_[0] == quote) return emit_close(TokenType::kQuoteClose, 1);
    std::size_t run = 0;
    while (run < rest_.size() && rest_[run] != '$' && (quote == '\0' || rest_[run] != quote)) ++run;
    std::size_t slashes = 0;
    while (slashes < run && rest_[run - 1 - slashes] == '\\') ++slashes;
    if (slashes < run) return emit(TokenType::kAnyText, run - slashes);
    const auto after = rest_.substr(run);
    const bool odd = slashes % 2 == 1;
    if (odd && after.starts_with("${")) return emit(TokenType::kEscapedInter, slashes + 2);
    if (odd && quote != '\0' && after.starts_with(quote)) return emit(TokenType::kEscape, slashes + 1);
    if (odd) return emit(TokenType::kAnyText, slashes);
    emit(quote == '\0' ? TokenType::kTopEscape : TokenType::kQuotedEscape, slashes);
  }

  // ',' '[' ']' ':' '{' '}' with the blanks that belong to them.
  bool punctuation() {
    const auto blanks = lexical::blanks(rest_);
    const auto at = blanks < rest_.size() ? rest_[blanks] : '\0';
    const auto with_tail = [&] { return blanks + 1 + lexical::blanks(rest_.substr(blanks + 1)); };
    if (at == ',') return emit(TokenType::kComma, with_tail()), true;
    if (at == ':') return emit(TokenType::kColon, with_tail()), true;
    if (at == ']') return emit(TokenType::kBracketClose, blanks + 1), true;
    if (at == '}') return emit_close(TokenType::kBraceClose, blanks + 1), true;
    if (blanks > 0) return false;
    if (at == '[') return emit(TokenType::kBracketOpen, with_tail()), true;
    if (at == '{') return emit_open(with_tail(), TokenType::kBraceOpen, Mode::kValue), true;
    return false;
  }

  void value() {
    if (inter_open() || punctuation()) return;
    if (rest_[0] == '\'') return emit_open(1, TokenType::kQuoteOpen, Mode::kSingleQuoted);
    if (rest_[0] == '"') return emit_open(1, TokenType::kQuoteOpen, Mode::kDoubleQuoted);
    // In the grammar's order: of equally long matches the first wins.
    const Token candidates[] = {
        {TokenType::kFloat, rest_.substr(0, lexical::floating(rest_))},
        {TokenType::kInt, rest_.substr(0, lexical::integer(rest_))},
        {TokenType::kBool, rest_.substr(0, std::max(lexical::word(rest_, "true"), lexical::word(rest_, "false")))},
        {TokenType::kNull, rest_.substr(0, lexical::word(rest_, "null"))},
        {TokenType::kUnquotedChar, rest_.substr(0, lexical::unquoted_char(rest_[0]) ? 1 : 0)},
        {TokenType::kId, rest_.substr(0, lexical::identifier(rest_))},
        {TokenType::kEscape, rest_.substr(0, lexical::escapes(rest_))},
        {TokenType::kBlanks, rest_.substr(0, lexical::blanks(rest_))},
    };
    const auto* best = std::max_element(std::begin(candidates), std::end(candidates), [](const Token& a, const Token& b) {
      return a.text.size() < b.text.size();
    });
    if (best->text.empty()) unexpected();
    emit(best->type, best->text.size());
  }

  void interpolation() {
    if (inter_open()) return;
    const auto blanks = lexical::blanks(rest_);
    const auto at = blanks < rest_.size() ? rest_[blanks] : '\0';
    if (at == '}') return emit_close(TokenType::kInterClose, blanks + 1);
    if (at == ':') {
      emit(TokenType::kColon, blanks + 1 + lexical::blanks(rest_.substr(blanks + 1)));
      modes_.back() = Mode::kValue;
      return;
    }
    if (blanks > 0) unexpected();
    if (at == '.') return emit(TokenType::kDot, 1);
    if (at == '[') return emit(TokenType::kBracketOpen, 1);
    if (at == ']') return emit(TokenType::kBracketClose, 1);
    const auto id = lexical::identifier(rest_);
    const auto key = std::min(rest_.find_first_of("\t \"'().:[\\]{}"), rest_.size());
    if (key == 0) unexpected();
    if (id == key) return emit(TokenType::kId, id);
    emit(TokenType::kKey, key);
  }

  std::string_view rest_, text_;
  std::vector<Mode> modes_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text, Mode start) {
  return Lexer(text, start).run();
}

}  // namespace frugal::config::interpolation
