// Super-blocks of 256 weights whose groups have scales (and minima) of 6 or 8 bits: Q4_K, Q5_K, Q6_K.
#include "core/io/dequantize_blocks.h"

namespace frugal::io::detail {

namespace {

constexpr std::size_t kGroups = 8, kGroup = 32;

struct Scales {
  float scale[kGroups], minimum[kGroups];
};

// 12 bytes hold eight scales and eight minima of 6 bits: 0-3 the scales of groups 0-3, 4-7 their minima, each with two
// high bits of group g + 4; 8-11 the low nibbles (scale) and high nibbles (minimum) of groups 4-7.
inline Scales unpack_scales(const std::uint8_t* packed, float d, float dmin) {
  Scales result;
  for (std::size_t g = 0; g < 4; ++g) {
    const unsigned s = packed[g], m = packed[g + 4], both = packed[g + 8];
    result.scale[g] = d * static_cast<float>(s & 0x3F);
    result.minimum[g] = dmin * static_cast<float>(m & 0x3F);
    result.scale[g + 4] = d * static_cast<float>((both & 0x0F) | (s >> 2 & 0x30));
    result.minimum[g + 4] = dmin * static_cast<float>(both >> 4 | (m >> 2 & 0x30));
  }
  return result;
}

}  // namespace

// d, dmin, 12 bytes of scales, 128 bytes of nibbles: 32 bytes hold group 2k in the low, 2k + 1 in the high ones.
void dequantize_q4_k(const std::byte* in, std::size_t blocks, float* out) {
  for (std::size_t i = 0; i < blocks; ++i, in += 144) {
    const auto scales = unpack_scales(as_u8(in + 4), load_half(in), load_half(in + 2));
    for (std::size_t g = 0; g < kGroups; ++g, out += kGroup) {
      const auto* q = as_u8(in + 16 + kGroup * (g / 2));
      const unsigned shift = 4 * (g % 2);
      const float d = scales.scale[g], m = scales.minimum[g];
      for (std::size_t j = 0; j < kGroup; ++j) out[j] = d * static_cast<float>(q[j] >> shift & 0x0F) - m;
    }
  }
}

// As Q4_K, with 32 bytes of fifth bits before the nibbles: bit g of byte j belongs to weight j of group g.
void dequantize_q5_k(const std::byte* in, std::size_t blocks, float* out) {
  for (std::size_t i = 0; i < blocks; ++i, in += 176) {
    const auto scales = unpack_scales(as_u8(in + 4), load_half(in), load_half(in + 2));
    const auto* high = as_u8(in + 16);
    for (std::size_t g = 0; g < kGroups; ++g, out += kGroup) {
      const auto* q = as_u8(in + 48 + kGroup * (g / 2));
      const unsigned shift = 4 * (g % 2);
      const float d = scales.scale[g], m = scales.minimum[g];
      for (std::size_t j = 0; j < kGroup; ++j)
        out[j] = d * static_cast<float>((q[j] >> shift & 0x0F) | (high[j] >> g & 1) << 4) - m;
    }
  }
}

// 128 bytes of nibbles, 64 of two high bits, 16 scales of 8 bits, d. Each half of a block (128 weights) has 64 bytes of
// nibbles and 32 of high bits; its groups of 32 take nibble group % 2 * 32 onwards, low half first, and bits 2 * group.
void dequantize_q6_k(const std::byte* in, std::size_t blocks, float* out) {
  for (std::size_t i = 0; i < blocks; ++i, in += 210) {
    const float d = load_half(in + 208);
    const auto* scales = reinterpret_cast<const std::int8_t*>(in + 192);
    for (std::size_t g = 0; g < kGroups; ++g, out += kGroup) {
      const std::size_t half = g / 4, part = g % 4;
      const auto* low = as_u8(in + 64 * half + 32 * (part % 2));
      const auto* high = as_u8(in + 128 + 32 * half);
      const unsigned low_shift = 4 * static_cast<unsigned>(part / 2), high_shift = 2 * static_cast<unsigned>(part);
      for (std::size_t s = 0; s < 2; ++s) {
        const float scale = d * static_cast<float>(scales[2 * g + s]);
        for (std::size_t j = 16 * s; j < 16 * s + 16; ++j) {
          const int q = (low[j] >> low_shift & 0x0F) | (high[j] >> high_shift & 3) << 4;
          out[j] = scale * static_cast<float>(q - 32);
        }
      }
    }
  }
}

}  // namespace frugal::io::detail
