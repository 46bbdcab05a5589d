#include "core/config/python.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "core/config/node.h"

namespace frugal::config::python {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Removes '_' that stand between digits; nothing where one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text, bool (*digit)(char)) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || !digit(text[i - 1]) || !digit(text[i + 1])) {
      return std::nullopt;
    }
  }
  return out;
}

bool is_float_text(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const auto from = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - from;
  };
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
  const auto name = lower(text.substr(i));
  if (name == "inf" || name == "infinity" || name == "nan") return true;
  auto count = digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    count += digits();
  }
  if (count == 0) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

// digits = digits * base + add, on decimal digits stored least significant first.
void multiply_add(std::string& digits, int base, int add) {
  int carry = add;
  for (auto& c : digits) {
    const int value = (c - '0') * base + carry;
    c = static_cast<char>('0' + value % 10);
    carry = value / 10;
  }
  for (; carry > 0; carry /= 10) digits += static_cast<char>('0' + carry % 10);
}

int digit_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view strip(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\r\f\v";
  const auto from = text.find_first_not_of(kBlanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 64> buffer{};
  const auto* end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const auto e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  std::string sign = text[0] == '-' ? "-" : "";
  std::string digits;
  for (const char c : text.substr(0, e))
    if (is_digit(c)) digits += c;
  if (exponent < -4 || exponent >= 16) {
    std::string out = sign + digits[0];
    if (digits.size() > 1) out += "." + digits.substr(1);
    const int magnitude = std::abs(exponent);
    return out + (exponent < 0 ? "e-" : "e+") + (magnitude < 10 ? "0" : "") + std::to_string(magnitude);
  }
  if (exponent < 0) return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::optional<double> parse_float(std::string_view text) {
  const auto clean = without_underscores(strip(text), is_digit);
  if (!clean || !is_float_text(*clean)) return std::nullopt;
  return std::strtod(clean->c_str(), nullptr);
}

std::optional<std::string> parse_int(std::string_view text, int base) {
  const auto any_digit = [](char c) { return digit_value(c) < 16; };
  const auto clean = without_underscores(strip(text), any_digit);
  if (!clean) return std::nullopt;
  std::string_view rest = *clean;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.empty() || std::any_of(rest.begin(), rest.end(), [&](char c) { return digit_value(c) >= base; }))
    return std::nullopt;
  rest.remove_prefix(std::min(rest.find_first_not_of('0'), rest.size() - 1));
  std::string digits;
  if (base == 10) {
    digits = rest;
  } else {
    for (const char c : rest) multiply_add(digits, base, digit_value(c));
    if (digits.empty()) digits = "0";
    std::reverse(digits.begin(), digits.end());
  }
  return negative && digits != "0" ? "-" + digits : digits;
}

std::string repr(std::string_view text) {
  const bool double_quotes = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = double_quotes ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += c;
    }
  }
  return out + quote;
}

namespace {

std::string key_repr(const Key& key) {
  return key.is_text() ? repr(key.text) : key.label();
}

}  // namespace

std::string repr(const Node& node) {
  if (node.kind == NodeKind::kString) return repr(node.text);
  if (node.kind == NodeKind::kBytes) return "b" + repr(node.text);
  if (!node.is_container()) return python_text(node);
  std::string out = node.is_list() ? "[" : "{";
  const char* separator = "";
  for (const auto& item : node.items) {
    out += separator + repr(*item);
    separator = ", ";
  }
  for (const auto& [key, value] : node.entries) {
    out += separator + key_repr(key) + ": " + repr(*value);
    separator = ", ";
  }
  return out + (node.is_list() ? "]" : "}");
}

}  // namespace frugal::config::python
