// Text operations with the meaning that Python gives them: the prompts of lm-evaluation-harness are defined by its
// code.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace frugal::datasets {

// str.isspace of a character: Unicode white space as Python has it, the separators U+001C to U+001F included.
bool is_space(char32_t c);
// str.strip, str.lstrip, str.rstrip.
std::string_view strip(std::string_view text);
std::string_view lstrip(std::string_view text);
std::string_view rstrip(std::string_view text);
// str.capitalize: the first character in title case, all others in lower case, by Unicode's full mappings.
std::string capitalize(std::string_view text);

}  // namespace frugal::datasets
