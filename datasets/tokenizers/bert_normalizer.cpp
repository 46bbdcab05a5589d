#include "datasets/tokenizers/bert_normalizer.h"

#include <algorithm>

#include "core/io/utf8.h"
#include "datasets/tokenizers/unicode.h"

namespace frugal::tokenizers {

namespace {

// The blocks that the original BERT code lists, its gap between extensions D and E included.
bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Nothing but cleaning and lower case can happen to ASCII, and most text is ASCII.
std::string normalize_ascii(std::string_view text, const BertNormalizer& options) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    const bool control = (c >= 0 && c < ' ') || c == 0x7F;
    if (options.clean_text && (c == '\t' || c == '\n' || c == '\r')) {
      result.push_back(' ');
    } else if (options.clean_text && control) {
      continue;
    } else {
      result.push_back(options.lowercase && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    }
  }
  return result;
}

std::u32string decode(std::string_view text) {
  std::u32string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto step = io::decode_utf8(text, at);
    result.push_back(step.code_point);
    at += step.bytes;
  }
  return result;
}

std::u32string clean_and_space(const std::u32string& text, const BertNormalizer& options) {
  std::u32string result;
  result.reserve(text.size() + 16);
  for (char32_t c : text) {
    if (options.clean_text) {
      const bool line = c == '\t' || c == '\n' || c == '\r';
      if (c == 0 || c == 0xFFFD || (!line && is_other(c))) continue;
      if (line || is_whitespace(c)) c = ' ';
    }
    const bool spaced = options.handle_chinese_chars && is_chinese(c);
    if (spaced) result.push_back(' ');
    result.push_back(c);
    if (spaced) result.push_back(' ');
  }
  return result;
}

}  // namespace

std::string BertNormalizer::normalize(std::string_view text) const {
  if (is_ascii(text)) return normalize_ascii(text, *this);
  auto points = clean_and_space(decode(text), *this);
  if (strip_accents.value_or(lowercase)) {
    points = decompose(points);
    std::erase_if(points, is_nonspacing_mark);
  }
  if (lowercase) {
    std::u32string lower;
    lower.reserve(points.size());
    for (const char32_t c : points) append_lower(lower, c);
    points.swap(lower);
  }
  std::string result;
  result.reserve(text.size() + 16);
  for (const char32_t c : points) io::append_utf8(result, c);
  return result;
}

}  // namespace frugal::tokenizers
