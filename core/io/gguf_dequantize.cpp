#include "core/io/gguf_dequantize.h"

#include "core/error.h"
#include "core/io/dequantize_blocks.h"

namespace frugal::io {

namespace {

using Dequantize = void (*)(const std::byte*, std::size_t, float*);

Dequantize function_of(GgmlType type) {
  switch (type) {
    case GgmlType::kF32:
      return detail::dequantize_f32;
    case GgmlType::kF16:
      return detail::dequantize_f16;
    case GgmlType::kBF16:
      return detail::dequantize_bf16;
    case GgmlType::kQ8_0:
      return detail::dequantize_q8_0;
    case GgmlType::kQ4_0:
      return detail::dequantize_q4_0;
    case GgmlType::kQ4_1:
      return detail::dequantize_q4_1;
    case GgmlType::kQ5_0:
      return detail::dequantize_q5_0;
    case GgmlType::kQ5_1:
      return detail::dequantize_q5_1;
    case GgmlType::kQ4_K:
      return detail::dequantize_q4_k;
    case GgmlType::kQ5_K:
      return detail::dequantize_q5_k;
    case GgmlType::kQ6_K:
      return detail::dequantize_q6_k;
    default:
      return nullptr;
  }
}

}  // namespace

bool can_dequantize(GgmlType type) {
  return function_of(type) != nullptr;
}

void dequantize(GgmlType type, std::span<const std::byte> blocks, std::span<float> out, const std::string& where) {
  const auto function = function_of(type);
  const auto& info = ggml_type_info(type);
  if (function == nullptr)
    throw Error(ErrorKind::kBadData, "gguf_type_unsupported",
                cat("weights of the type ", info.name, " cannot be converted"), where,
                "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K can");
  const auto count = blocks.size() / info.block_bytes;
  if (blocks.size() % info.block_bytes != 0 || out.size() != count * info.block_elements)
    throw Error(ErrorKind::kUsage, "gguf_sizes",
                cat(blocks.size(), " bytes of ", info.name, " do not give ", out.size(), " weights"), where);
  function(blocks.data(), count, out.data());
}

void dequantize(const GgufTensor& tensor, std::span<float> out, const std::string& where) {
  dequantize(tensor.type, tensor.bytes, out, where);
}

}  // namespace frugal::io
