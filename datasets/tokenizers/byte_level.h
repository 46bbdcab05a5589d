// GPT-2's spelling of bytes as printable characters (Radford et al. 2019, bytes_to_unicode of their code): 33-126,
// 161-172 and 174-255 stand for themselves, the other 68 bytes are U+0100 onwards in order.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace frugal::tokenizers {

// The character of a byte.
char32_t byte_character(unsigned char byte);
// UTF-8 of the characters of these bytes.
std::string spell_bytes(std::string_view bytes);
// The bytes that UTF-8 text spells; empty when a character stands for no byte.
std::optional<std::string> unspell_bytes(std::string_view text);

}  // namespace frugal::tokenizers
