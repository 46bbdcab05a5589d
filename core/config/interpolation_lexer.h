#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace frugal::config::interpolation {

enum class TokenType {
  kAnyText, kEscapedInter, kTopEscape, kQuotedEscape, kInterOpen, kInterClose, kBraceOpen, kBraceClose, kQuoteOpen,
  kQuoteClose, kComma, kBracketOpen, kBracketClose, kColon, kFloat, kInt, kBool, kNull, kUnquotedChar, kId, kEscape,
  kBlanks, kDot, kKey, kEnd,
};

struct Token {
  TokenType type;
  std::string_view text;
};

enum class Mode { kText, kValue, kInterpolation, kSingleQuoted, kDoubleQuoted };

// Splits the text by longest match, mode by mode. The views point into `text`. Throws grammar_error.
std::vector<Token> tokenize(std::string_view text, Mode start);

}  // namespace frugal::config::interpolation
