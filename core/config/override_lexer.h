#pragma once

#include <string_view>
#include <vector>

namespace frugal::config::grammar {

enum class TokenType {
  // key part
  kEqual, kTilde, kPlus, kAt, kColon, kSlash, kId, kKeySpecial, kDotPath,
  // value part
  kParenOpen, kParenClose, kComma, kBracketOpen, kBracketClose, kBraceOpen, kBraceClose, kFloat, kInt, kBool, kNull,
  kUnquotedChar, kEscape, kBlanks, kQuoted, kInterpolation,
  kEnd,
};

struct Token {
  TokenType type;
  std::string_view text;
  std::size_t position;  // 0-based, in the override
};

// Splits an override by longest match: the key up to the first '=', then the value. Throws syntax_error.
std::vector<Token> tokenize(std::string_view text);

}  // namespace frugal::config::grammar
