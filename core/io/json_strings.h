// A look at JSON text before a parser gets it: parsers copy a string several times, and once more into the error.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace frugal::io {

inline constexpr std::size_t kMaxJsonString = 4u << 20;

// Where a string starts that is longer than `limit` bytes or never ends; nothing when there is none.
std::optional<std::size_t> first_long_string(std::string_view json, std::size_t limit = kMaxJsonString);

}  // namespace frugal::io
