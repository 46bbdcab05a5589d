#include "core/io/json_strings.h"

namespace frugal::io {

std::optional<std::size_t> first_long_string(std::string_view json, std::size_t limit) {
  for (auto begin = json.find('"'); begin != std::string_view::npos; begin = json.find('"', begin)) {
    auto end = begin + 1;
    while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    if (end >= json.size() || end - begin - 1 > limit) return begin;
    begin = end + 1;
  }
  return std::nullopt;
}

}  // namespace frugal::io
