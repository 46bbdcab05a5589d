#include "datasets/tokenizers/byte_level.h"

#include <array>

#include "core/io/utf8.h"

namespace frugal::tokenizers {

namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

struct Maps {
  std::array<char32_t, 256> character{};
  std::array<int, 256 + 68> byte{};  // -1: no byte
};

constexpr Maps make_maps() {
  Maps maps;
  maps.byte.fill(-1);
  char32_t next = 256;
  for (unsigned b = 0; b < 256; ++b) {
    const char32_t c = stands_for_itself(b) ? b : next++;
    maps.character[b] = c;
    maps.byte[c] = static_cast<int>(b);
  }
  return maps;
}

constexpr Maps kMaps = make_maps();

}  // namespace

char32_t byte_character(unsigned char byte) {
  return kMaps.character[byte];
}

std::string spell_bytes(std::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char byte : bytes) io::append_utf8(text, byte_character(static_cast<unsigned char>(byte)));
  return text;
}

std::optional<std::string> unspell_bytes(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto step = io::decode_utf8(text, at);
    if (step.code_point >= kMaps.byte.size() || kMaps.byte[step.code_point] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kMaps.byte[step.code_point]));
    at += step.bytes;
  }
  return bytes;
}

}  // namespace frugal::tokenizers
