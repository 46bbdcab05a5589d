// One function a type: `blocks` blocks at `in` to blocks * block_elements floats at `out`. Internal to core/io.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace frugal::io::detail {

void dequantize_f32(const std::byte* in, std::size_t blocks, float* out);
void dequantize_f16(const std::byte* in, std::size_t blocks, float* out);
void dequantize_bf16(const std::byte* in, std::size_t blocks, float* out);
void dequantize_q4_0(const std::byte* in, std::size_t blocks, float* out);
void dequantize_q4_1(const std::byte* in, std::size_t blocks, float* out);
void dequantize_q5_0(const std::byte* in, std::size_t blocks, float* out);
void dequantize_q5_1(const std::byte* in, std::size_t blocks, float* out);
void dequantize_q8_0(const std::byte* in, std::size_t blocks, float* out);
void dequantize_q4_k(const std::byte* in, std::size_t blocks, float* out);
void dequantize_q5_k(const std::byte* in, std::size_t blocks, float* out);
void dequantize_q6_k(const std::byte* in, std::size_t blocks, float* out);

// IEEE half to float, without a branch so that loops over it vectorise: normal numbers by scaling the exponent,
// subnormal ones by a subtraction that normalises them. NaNs keep their payload.
inline float half_to_float(std::uint16_t half) {
  const std::uint32_t word = std::uint32_t{half} << 16;
  const std::uint32_t magnitude = word + word;
  const float normal = std::bit_cast<float>((magnitude >> 4) + (std::uint32_t{0xE0} << 23)) * 0x1.0p-112f;
  const float subnormal = std::bit_cast<float>((magnitude >> 17) | (std::uint32_t{126} << 23)) - 0.5f;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(magnitude < (std::uint32_t{1} << 27) ? subnormal : normal);
  return std::bit_cast<float>((word & 0x80000000u) | bits);
}

inline float load_half(const std::byte* at) {
  std::uint16_t half;
  std::memcpy(&half, at, sizeof half);
  return half_to_float(half);
}

inline const std::uint8_t* as_u8(const std::byte* at) {
  return reinterpret_cast<const std::uint8_t*>(at);
}

}  // namespace frugal::io::detail
