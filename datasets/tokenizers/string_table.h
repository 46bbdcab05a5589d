// A map from byte strings to numbers that is filled once and then only read: one probe and one comparison a look-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace frugal::tokenizers {

class StringTable {
 public:
  // Makes room; keys stay where they are only while no more than this is inserted.
  void reserve(std::size_t keys, std::size_t bytes);
  // False when the key is there already (its value stays). Within what reserve() made room for.
  bool insert(std::string_view key, std::int32_t value);
  // The key that insert() took last, as a view into the table.
  std::string_view last_key() const { return key_of(items_.back()); }

  std::optional<std::int32_t> find(std::string_view key) const {
    const auto index = index_of(key);
    return index == kNone ? std::nullopt : std::optional(items_[index].value);
  }
  // Position of the key in the order of insertion; kNone when it is absent.
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::uint32_t index_of(std::string_view key) const;
  std::int32_t value_at(std::uint32_t index) const { return items_[index].value; }
  std::string_view key_at(std::uint32_t index) const { return key_of(items_[index]); }
  std::size_t size() const { return items_.size(); }

 private:
  struct Item {
    std::uint32_t offset, length;
    std::int32_t value;
  };
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t index = kNone;
  };
  std::string_view key_of(const Item& item) const { return {text_.data() + item.offset, item.length}; }
  std::size_t place(std::string_view key, std::uint32_t hash) const;

  std::vector<char> text_;  // never grows beyond what was reserved, so that views stay valid, also after a move
  std::vector<Item> items_;
  std::vector<Slot> slots_;  // a power of two, at most half full
};

}  // namespace frugal::tokenizers
