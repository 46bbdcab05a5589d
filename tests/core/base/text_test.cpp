#include "core/text.h"

#include <gtest/gtest.h>

#include <vector>

namespace frugal {
namespace {

TEST(Joined, SeparatesEveryTwo) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(joined(Texts{}, ", "), "");
  EXPECT_EQ(joined(Texts{"a"}, ", "), "a");
  EXPECT_EQ(joined(Texts{"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(joined(Texts{"", "", "c"}, ","), ",,c") << "empty ones, too";
}

TEST(Joined, TakesAMemberOrAFunctionForTheText) {
  struct Item {
    std::string name;
    int size;
  };
  const std::vector<Item> items = {{"a", 1}, {"b", 22}};
  EXPECT_EQ(joined(items, " ", &Item::name), "a b");
  EXPECT_EQ(joined(items, " ", [](const Item& item) { return std::to_string(item.size); }), "1 22");
}

}  // namespace
}  // namespace frugal
