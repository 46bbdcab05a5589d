// UTF-8 as a stranger may have written it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace frugal::io {

struct Utf8Step {
  char32_t code_point;  // U+FFFD when not valid
  std::size_t bytes;    // >= 1; an invalid step covers one maximal part, as Unicode 3.9 (and Python's decoder) has it
  bool valid;
};

// The code point that starts at text[position]; position < text.size().
Utf8Step decode_utf8(std::string_view text, std::size_t position);
// Where the first invalid part starts; nothing when all is UTF-8.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);
// Characters of UTF-8 text: Python's len(str).
std::size_t code_points(std::string_view text);
// code_point must be a Unicode scalar value.
void append_utf8(std::string& text, char32_t code_point);

// text as a message may show it: control characters and invalid bytes as \xNN, cut between characters after `limit`
// bytes with "..." in their place. What strangers wrote must neither reach a terminal raw nor fill a log.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace frugal::io
