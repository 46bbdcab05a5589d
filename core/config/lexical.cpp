#include "core/config/lexical.h"

#include <algorithm>

namespace frugal::config::lexical {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// [0-9](_?[0-9])*
std::size_t grouped_digits(std::string_view text) {
  if (text.empty() || !is_digit(text[0])) return 0;
  std::size_t n = 1;
  while (n < text.size()) {
    if (is_digit(text[n]))
      ++n;
    else if (text[n] == '_' && n + 1 < text.size() && is_digit(text[n + 1]))
      n += 2;
    else
      break;
  }
  return n;
}

// Longest of "12." and "12.5" and ".5".
std::size_t point_float(std::string_view text) {
  const auto whole = unsigned_integer(text);
  if (whole >= text.size() || text[whole] != '.') return 0;
  const auto fraction = grouped_digits(text.substr(whole + 1));
  return whole == 0 && fraction == 0 ? 0 : whole + 1 + fraction;
}

std::size_t exponent(std::string_view text) {
  if (text.empty() || (text[0] != 'e' && text[0] != 'E')) return 0;
  const std::size_t sign = text.size() > 1 && (text[1] == '+' || text[1] == '-') ? 1 : 0;
  const auto digits = grouped_digits(text.substr(1 + sign));
  return digits == 0 ? 0 : 1 + sign + digits;
}

}  // namespace

std::size_t blanks(std::string_view text) {
  return std::min(text.find_first_not_of(" \t"), text.size());
}

std::size_t identifier(std::string_view text) {
  if (text.empty() || !(is_letter(text[0]) || text[0] == '_')) return 0;
  std::size_t n = 1;
  while (n < text.size() && (is_letter(text[n]) || is_digit(text[n]) || text[n] == '_' || text[n] == '-')) ++n;
  return n;
}

std::size_t unsigned_integer(std::string_view text) {
  if (text.starts_with('0')) return 1;
  return grouped_digits(text);
}

std::size_t integer(std::string_view text) {
  const std::size_t sign = text.starts_with('+') || text.starts_with('-') ? 1 : 0;
  const auto digits = unsigned_integer(text.substr(sign));
  return digits == 0 ? 0 : sign + digits;
}

std::size_t floating(std::string_view text) {
  const std::size_t sign = text.starts_with('+') || text.starts_with('-') ? 1 : 0;
  const auto rest = text.substr(sign);
  std::size_t best = std::max(word(rest, "inf"), word(rest, "nan"));
  const auto point = point_float(rest);
  best = std::max(best, point);
  for (const auto mantissa : {point, unsigned_integer(rest)}) {
    const auto tail = mantissa == 0 ? 0 : exponent(rest.substr(mantissa));
    if (tail > 0) best = std::max(best, mantissa + tail);
  }
  return best == 0 ? 0 : sign + best;
}

std::size_t word(std::string_view text, std::string_view lowercase_word) {
  if (text.size() < lowercase_word.size()) return 0;
  for (std::size_t i = 0; i < lowercase_word.size(); ++i)
    if ((is_letter(text[i]) ? (text[i] | 0x20) : text[i]) != lowercase_word[i]) return 0;
  return lowercase_word.size();
}

std::size_t escapes(std::string_view text) {
  constexpr std::string_view kEscapable = "\\()[]{}:=, \t";
  std::size_t n = 0;
  while (n + 1 < text.size() && text[n] == '\\' && kEscapable.find(text[n + 1]) != std::string_view::npos) n += 2;
  return n;
}

bool unquoted_char(char c) {
  return std::string_view("/-\\+.$%*@?|").find(c) != std::string_view::npos;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 1; i < text.size(); i += 2) out += text[i];
  return out;
}

}  // namespace frugal::config::lexical
