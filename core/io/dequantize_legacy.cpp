// Blocks of 32 weights with one scale d and, in the _1 types, a minimum m: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1.
// The low nibbles of a block's 16 bytes are its first 16 weights, the high ones the others.
#include "core/io/dequantize_blocks.h"

namespace frugal::io::detail {

namespace {

constexpr std::size_t kWeights = 32, kHalf = 16;

// The 32 numbers of 4 bits.
inline void unpack_nibbles(const std::uint8_t* packed, std::int32_t* q) {
  for (std::size_t j = 0; j < kHalf; ++j) q[j] = packed[j] & 0x0F;
  for (std::size_t j = 0; j < kHalf; ++j) q[j + kHalf] = packed[j] >> 4;
}

// Bit j of the four bytes at `high` is the fifth bit of weight j.
inline void add_fifth_bits(const std::byte* high, std::int32_t* q) {
  std::uint32_t bits;
  std::memcpy(&bits, high, sizeof bits);
  for (std::size_t j = 0; j < kWeights; ++j) q[j] |= static_cast<std::int32_t>((bits >> j & 1u) << 4);
}

inline void scale(const std::int32_t* q, std::int32_t zero, float d, float* out) {
  for (std::size_t j = 0; j < kWeights; ++j) out[j] = d * static_cast<float>(q[j] - zero);
}

inline void scale_and_shift(const std::int32_t* q, float d, float m, float* out) {
  for (std::size_t j = 0; j < kWeights; ++j) out[j] = d * static_cast<float>(q[j]) + m;
}

}  // namespace

void dequantize_q8_0(const std::byte* in, std::size_t blocks, float* out) {
  for (std::size_t i = 0; i < blocks; ++i, in += 34, out += kWeights) {
    const float d = load_half(in);
    const auto* q = reinterpret_cast<const std::int8_t*>(in + 2);
    for (std::size_t j = 0; j < kWeights; ++j) out[j] = static_cast<float>(q[j]) * d;
  }
}

void dequantize_q4_0(const std::byte* in, std::size_t blocks, float* out) {
  std::int32_t q[kWeights];
  for (std::size_t i = 0; i < blocks; ++i, in += 18, out += kWeights) {
    unpack_nibbles(as_u8(in + 2), q);
    scale(q, 8, load_half(in), out);
  }
}

void dequantize_q4_1(const std::byte* in, std::size_t blocks, float* out) {
  std::int32_t q[kWeights];
  for (std::size_t i = 0; i < blocks; ++i, in += 20, out += kWeights) {
    unpack_nibbles(as_u8(in + 4), q);
    scale_and_shift(q, load_half(in), load_half(in + 2), out);
  }
}

void dequantize_q5_0(const std::byte* in, std::size_t blocks, float* out) {
  std::int32_t q[kWeights];
  for (std::size_t i = 0; i < blocks; ++i, in += 22, out += kWeights) {
    unpack_nibbles(as_u8(in + 6), q);
    add_fifth_bits(in + 2, q);
    scale(q, 16, load_half(in), out);
  }
}

void dequantize_q5_1(const std::byte* in, std::size_t blocks, float* out) {
  std::int32_t q[kWeights];
  for (std::size_t i = 0; i < blocks; ++i, in += 24, out += kWeights) {
    unpack_nibbles(as_u8(in + 8), q);
    add_fifth_bits(in + 4, q);
    scale_and_shift(q, load_half(in), load_half(in + 2), out);
  }
}

}  // namespace frugal::io::detail
