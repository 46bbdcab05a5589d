// One seed, many independent random streams, each known by its name: adding a stream moves no other.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

namespace frugal::run {

// Philox4x32-10 (Salmon et al. 2011): the n-th number is a function of key and n, so a stream can be stored as its
// position and split without overlap. A UniformRandomBitGenerator; same numbers on every machine.
class Stream {
 public:
  using result_type = std::uint32_t;
  explicit Stream(std::uint64_t key, std::uint64_t position = 0) : key_(key), position_(position) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();
  double uniform();  // in [0, 1), 53 bits
  // In [0, bound), without bias; bound > 0.
  std::uint64_t below(std::uint64_t bound);

  // How many numbers were drawn; with the key all there is to a stream's state.
  std::uint64_t position() const { return position_; }
  void seek(std::uint64_t position) { position_ = position; }

 private:
  std::uint64_t key_, position_;
  std::uint64_t block_index_ = std::numeric_limits<std::uint64_t>::max();
  std::array<std::uint32_t, 4> block_{};
};

class Seeds {
 public:
  explicit Seeds(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t seed() const { return seed_; }
  // The 64-bit seed of a named stream ("init", "data", "dropout", "sampling", "data/worker3"), for generators of
  // others.
  std::uint64_t seed(std::string_view name) const;
  Stream stream(std::string_view name) const { return Stream(seed(name)); }

 private:
  std::uint64_t seed_;
};

}  // namespace frugal::run
