// Tokens that the override grammar and the interpolation grammar share: lengths of the longest match at the start of
// a text, 0 for none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace frugal::config::lexical {

std::size_t blanks(std::string_view text);         // [ \t]+
std::size_t identifier(std::string_view text);     // [A-Za-z_][A-Za-z0-9_-]*
std::size_t integer(std::string_view text);        // [+-]?(0|[1-9](_?[0-9])*)
std::size_t unsigned_integer(std::string_view text);
std::size_t floating(std::string_view text);       // needs a point, an exponent, inf or nan
std::size_t word(std::string_view text, std::string_view lowercase_word);  // in any case
std::size_t escapes(std::string_view text);        // (\\ | \( | \) | \[ | \] | \{ | \} | \: | \= | \, | \blank)+
bool unquoted_char(char c);                        // / - \ + . $ % * @ ? |

// Every second character: "\,\\" is ",\".
std::string unescaped(std::string_view text);

}  // namespace frugal::config::lexical
