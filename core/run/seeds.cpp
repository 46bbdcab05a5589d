#include "core/run/seeds.h"

#include <charconv>
#include <string>

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/philox.h"

namespace frugal::run {

Stream::result_type Stream::operator()() {
  const std::uint64_t index = position_ / 4;
  if (index != block_index_) {
    block_ = philox4x32({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32U), 0, 0},
                        {static_cast<std::uint32_t>(key_), static_cast<std::uint32_t>(key_ >> 32U)});
    block_index_ = index;
  }
  return block_[position_++ % 4];
}

double Stream::uniform() {
  const std::uint64_t high = (*this)();
  const std::uint64_t low = (*this)();
  return static_cast<double>((high << 32U | low) >> 11U) * 0x1p-53;
}

std::uint64_t Stream::below(std::uint64_t bound) {
  // Numbers under 2^64 mod bound would favour small results; draw again.
  const std::uint64_t reject = (0 - bound) % bound;
  while (true) {
    const std::uint64_t high = (*this)();
    const std::uint64_t low = (*this)();
    const std::uint64_t number = high << 32U | low;
    if (number >= reject) return number % bound;
  }
}

std::uint64_t Seeds::seed(std::string_view name) const {
  const std::string digest = io::sha256(cat("frugal-seed:", seed_, ":", name));
  std::uint64_t value = 0;
  std::from_chars(digest.data(), digest.data() + 16, value, 16);
  return value;
}

}  // namespace frugal::run
