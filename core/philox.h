// Philox4x32-10, a counter-based random generator (Salmon et al., SC 2011): number i of a stream is a function of
// (seed, stream, i), so streams are independent and any point is reached without drawing what lies before it.
#pragma once

#include <array>
#include <cstdint>

namespace frugal {

using PhiloxBlock = std::array<std::uint32_t, 4>;

// The ten-round bijection: counter and key words as in the paper's reference (Random123), same known answers.
constexpr PhiloxBlock philox4x32(PhiloxBlock counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

// A sequence of draws: key = seed, upper half of the counter = stream, lower half counts blocks.
class Philox {
 public:
  explicit constexpr Philox(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  constexpr std::uint32_t next() {
    if (used_ == 4) {
      block_ = philox4x32({static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32),
                           static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                          {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
      ++index_;
      used_ = 0;
    }
    return block_[used_++];
  }

  // Uniform in [0, bound), bound >= 1, without bias: Lemire's multiplication with rejection.
  constexpr std::uint32_t below(std::uint32_t bound) {
    std::uint64_t product = std::uint64_t{next()} * bound;
    const std::uint32_t threshold = (0u - bound) % bound;
    while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{next()} * bound;
    return static_cast<std::uint32_t>(product >> 32);
  }

 private:
  std::uint64_t seed_, stream_, index_ = 0;
  PhiloxBlock block_{};
  unsigned used_ = 4;
};

}  // namespace frugal
