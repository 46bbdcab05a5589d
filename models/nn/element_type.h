// Element types of tensors that cross into CUDA sources, which see no LibTorch header.
#pragma once

namespace frugal {

enum class ElementType { kFloat, kDouble, kBfloat16, kHalf };

}  // namespace frugal
