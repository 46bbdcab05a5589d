#include "datasets/tokenizers/string_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace frugal::tokenizers {

namespace {

// Eight bytes a step; multiplication and a fold of the high half mix them.
std::uint32_t hash_of(std::string_view key) {
  std::uint64_t state = 0x9E3779B97F4A7C15u ^ key.size();
  const char* at = key.data();
  std::size_t left = key.size();
  const auto mix = [&](std::uint64_t word) {
    state = (state ^ word) * 0xD6E8FEB86659FD93u;
    state ^= state >> 32;
  };
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    mix(word);
  }
  std::uint64_t tail = 0;
  for (std::size_t i = 0; i < left; ++i) tail |= std::uint64_t{static_cast<unsigned char>(at[i])} << (8 * i);
  mix(tail);
  mix(0);
  return static_cast<std::uint32_t>(state);
}

}  // namespace

void StringTable::reserve(std::size_t keys, std::size_t bytes) {
  text_.reserve(bytes);
  items_.reserve(keys);
  slots_.assign(std::bit_ceil(std::max<std::size_t>(16, 2 * keys)), Slot());
}

std::size_t StringTable::place(std::string_view key, std::uint32_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].index != kNone && (slots_[at].hash != hash || key_of(items_[slots_[at].index]) != key))
    at = (at + 1) & mask;
  return at;
}

bool StringTable::insert(std::string_view key, std::int32_t value) {
  const auto hash = hash_of(key);
  auto& slot = slots_[place(key, hash)];
  if (slot.index != kNone) return false;
  slot = {hash, static_cast<std::uint32_t>(items_.size())};
  items_.push_back({static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(key.size()), value});
  text_.insert(text_.end(), key.begin(), key.end());
  return true;
}

std::uint32_t StringTable::index_of(std::string_view key) const {
  return slots_.empty() ? kNone : slots_[place(key, hash_of(key))].index;
}

}  // namespace frugal::tokenizers
