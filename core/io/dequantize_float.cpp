// Formats that are no quantization: F32, F16, BF16.
#include "core/io/dequantize_blocks.h"

namespace frugal::io::detail {

void dequantize_f32(const std::byte* in, std::size_t blocks, float* out) {
  std::memcpy(out, in, blocks * sizeof(float));
}

void dequantize_f16(const std::byte* in, std::size_t blocks, float* out) {
  for (std::size_t i = 0; i < blocks; ++i) out[i] = load_half(in + 2 * i);
}

void dequantize_bf16(const std::byte* in, std::size_t blocks, float* out) {
  for (std::size_t i = 0; i < blocks; ++i) {
    std::uint16_t half;
    std::memcpy(&half, in + 2 * i, sizeof half);
    const auto bits = std::uint32_t{half} << 16;
    std::memcpy(out + i, &bits, sizeof bits);
  }
}

}  // namespace frugal::io::detail
