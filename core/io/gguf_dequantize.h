// Blocks of GGUF tensors to fp32, with the arithmetic of the gguf package (quants.py of 0.19.0): the same products and
// sums in the same order, so results are equal bit for bit.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/io/gguf.h"

namespace frugal::io {

// F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K.
bool can_dequantize(GgmlType type);

// blocks: whole blocks of `type`; out: as many weights as they hold.
// Error(kBadData, "gguf_type_unsupported") for other types; `where` names the tensor in it.
void dequantize(GgmlType type, std::span<const std::byte> blocks, std::span<float> out, const std::string& where = {});

// A whole tensor, row-major in the order of its shape; out.size() == tensor.elements().
void dequantize(const GgufTensor& tensor, std::span<float> out, const std::string& where = {});

}  // namespace frugal::io
