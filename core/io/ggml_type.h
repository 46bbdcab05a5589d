// Element types of GGUF tensors: how many weights a block holds and how many bytes it takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace frugal::io {

// Numbers as the format has them. All are known by name and size, so that any file can be listed; which of them can be
// converted to fp32, dequantize.h says.
enum class GgmlType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ8_1 = 9,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kQ8_K = 15,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  kNVFP4 = 40,
  kQ1_0 = 41,
};

struct GgmlTypeInfo {
  GgmlType type;
  std::string_view name;        // "Q4_K"
  unsigned block_elements = 1;  // weights of a block, all in one row
  unsigned block_bytes = 0;
};

// Empty for a number that the format does not have.
std::optional<GgmlTypeInfo> ggml_type_info(std::uint32_t number);
const GgmlTypeInfo& ggml_type_info(GgmlType type);

}  // namespace frugal::io
