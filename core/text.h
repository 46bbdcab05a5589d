// Texts made of texts.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace frugal {

// The text of each item, with `between` between two. text_of: a member or function that gives an item's text, for items
// that are none themselves.
template <typename Items, typename TextOf = std::identity>
std::string joined(const Items& items, std::string_view between, TextOf text_of = {}) {
  std::string all;
  bool first = true;
  for (const auto& item : items) {
    if (!first) all += between;
    all += std::invoke(text_of, item);
    first = false;
  }
  return all;
}

// `text` with every occurrence of `from`, which is not empty, replaced from the left; none is sought in what was put
// in.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

}  // namespace frugal
