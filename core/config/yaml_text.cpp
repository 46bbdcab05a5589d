// What a YAML stream may consist of, checked before yaml-cpp sees it.
#include "core/config/errors.h"
#include "core/config/yaml_graph.h"

namespace frugal::config::yaml {

namespace {

// Length of the UTF-8 sequence at `at` and its code point; 0 for a malformed one (overlong and surrogates included).
struct CodePoint {
  std::size_t length;
  char32_t value;
};

CodePoint decode(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {1, first};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return {0, 0};
  char32_t value = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80U) return {0, 0};
    value = (value << 6U) | (byte(at + i) & 0x3FU);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {0, 0};
  return {length, value};
}

bool printable(char32_t c) {
  return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0x7E) || c == 0x85 || (c >= 0xA0 && c <= 0xD7FF) ||
         (c >= 0xE000 && c <= 0xFFFD) || c >= 0x10000;
}

}  // namespace

std::string normalized_text(const std::string& text, const std::string& name) {
  std::string out;
  out.reserve(text.size());
  int line = 1;
  int column = 1;
  for (std::size_t at = 0; at < text.size();) {
    const auto [length, c] = decode(text, at);
    if (length == 0 || !printable(c))
      fail("yaml_error", length == 0 ? "the file is not valid UTF-8" : "a control character stands in the file",
           Mark{std::make_shared<const std::string>(name), line, column});
    if (c == '\r') {
      if (at + 1 == text.size() || text[at + 1] != '\n') out += '\n';
    } else {
      out.append(text, at, length);
    }
    if (c == '\n') {
      ++line;
      column = 0;
    }
    ++column;
    at += length;
  }
  return out;
}

}  // namespace frugal::config::yaml
