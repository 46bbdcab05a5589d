#include "core/config/key_path.h"

#include <algorithm>

namespace frugal::config {

std::vector<std::string> split_key(std::string_view key) {
  // The head: leading dots and a first name, up to the next '.' or '['.
  const auto dots = std::min(key.find_first_not_of('.'), key.size());
  const auto head_end = std::min(key.find_first_of(".[", dots), key.size());
  std::vector<std::string> segments(dots);
  segments.emplace_back(key.substr(dots, head_end - dots));
  if (head_end < key.size() && key[head_end] == '[' && segments.back().empty()) segments.pop_back();
  for (std::size_t at = head_end; at < key.size();) {
    if (key[at] == '.') {
      const auto end = std::min(key.find_first_of(".[", at + 1), key.size());
      segments.emplace_back(key.substr(at + 1, end - at - 1));
      at = end;
    } else if (const auto end = key.find(']', at); key[at] == '[' && end != std::string_view::npos) {
      segments.emplace_back(key.substr(at + 1, end - at - 1));
      at = end + 1;
    } else {
      ++at;  // text after a bracket without a dot, or a bracket that never closes, names nothing
    }
  }
  return segments;
}

}  // namespace frugal::config
