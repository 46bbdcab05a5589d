#include "core/io/utf8.h"

#include <cstdint>
#include <cstring>

namespace frugal::io {

namespace {

// Length of the sequence and range of its second byte, by lead byte (Unicode table 3-7).
struct Lead {
  unsigned length, low, high;
};

Lead lead_of(unsigned char byte) {
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte < 0xF0) return {3, byte == 0xE0 ? 0xA0u : 0x80u, byte == 0xED ? 0x9Fu : 0xBFu};
  if (byte < 0xF5) return {4, byte == 0xF0 ? 0x90u : 0x80u, byte == 0xF4 ? 0x8Fu : 0xBFu};
  return {0, 0, 0};
}

}  // namespace

Utf8Step decode_utf8(std::string_view text, std::size_t position) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(position);
  if (first < 0x80) return {first, 1, true};
  const auto lead = lead_of(first);
  if (lead.length == 0) return {0xFFFD, 1, false};
  char32_t value = first & (0xFFu >> (lead.length + 1));
  for (unsigned i = 1; i < lead.length; ++i) {
    const unsigned low = i == 1 ? lead.low : 0x80, high = i == 1 ? lead.high : 0xBF;
    if (position + i >= text.size() || byte(position + i) < low || byte(position + i) > high) return {0xFFFD, i, false};
    value = (value << 6) | (byte(position + i) & 0x3Fu);
  }
  return {value, lead.length, true};
}

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t word = 0;
    if (at + sizeof word <= text.size()) {  // eight ASCII bytes at a time
      std::memcpy(&word, text.data() + at, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        at += sizeof word;
        continue;
      }
    }
    const auto step = decode_utf8(text, at);
    if (!step.valid) return at;
    at += step.bytes;
  }
  return std::nullopt;
}

std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

void append_utf8(std::string& text, char32_t code_point) {
  const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

std::string printable(std::string_view text, std::size_t limit) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (result.size() >= limit) return result + "...";
    const auto step = decode_utf8(text, at);
    const bool control = step.code_point < 0x20 || (step.code_point >= 0x7F && step.code_point < 0xA0);
    if (step.valid && !control) {
      result += text.substr(at, step.bytes);
    } else {
      for (std::size_t i = 0; i < step.bytes; ++i) {
        const auto byte = static_cast<unsigned char>(text[at + i]);
        result += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
      }
    }
    at += step.bytes;
  }
  return result;
}

}  // namespace frugal::io
