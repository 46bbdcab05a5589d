// Python's rules for numbers and their text, which YAML and override values follow.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace frugal::config {

class Node;

namespace python {

// repr(float): shortest text that reads back, "1e-05", "1e+16", "inf", "nan".
std::string float_repr(double value);
// float(text): blanks around, '_' between digits, inf and nan in any case.
std::optional<double> parse_float(std::string_view text);
// int(text, base) for base 2, 8, 10, 16 without prefix: canonical decimal digits with sign, of any length.
std::optional<std::string> parse_int(std::string_view text, int base = 10);
// repr of a str, a bytes or a container: 'it', "it's", {'a': 1}.
std::string repr(const Node& node);
std::string repr(std::string_view text);
// Blanks of str.strip().
std::string_view strip(std::string_view text);
std::string lower(std::string_view text);

}  // namespace python
}  // namespace frugal::config
