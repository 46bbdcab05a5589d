// Character classes as the reference implementation has them: Rust's `tokenizers` 0.23 takes categories from a crate
// of Unicode 8, decomposition from one of Unicode 12, lower case and white space from Rust's own, newer tables. ICU is
// newer than the first two, so a character's age decides whether they know it. A parity test compares every code point.
#pragma once

#include <string>
#include <string_view>

namespace frugal::tokenizers {

// Cc, Cf or Co; unassigned code points are not among them.
bool is_other(char32_t c);
bool is_nonspacing_mark(char32_t c);
// The ASCII punctuation and symbols, and Unicode's P*.
bool is_bert_punctuation(char32_t c);
bool is_whitespace(char32_t c);
// \w of Rust's regex: alphabetic, mark, decimal number, connector punctuation, join control.
bool is_word_character(char32_t c);
// \p{L} and \p{N} of the reference's regular expressions (Oniguruma with Unicode 16).
bool is_regex_letter(char32_t c);
bool is_regex_number(char32_t c);
// Rust's char::is_numeric (Unicode 17), which is what splits digits.
bool is_numeric(char32_t c);
// Appends the lower case of c (two code points for U+0130).
void append_lower(std::u32string& text, char32_t c);
// Canonical decomposition and ordering of the whole text.
std::u32string decompose(const std::u32string& text);
// The composed form (NFC) of UTF-8 text. Error(kEnvironment, "icu_data").
std::string compose(std::string_view text);

}  // namespace frugal::tokenizers
