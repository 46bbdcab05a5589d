// Types that follow from a tensor's.
#pragma once

#include <c10/core/ScalarType.h>

#include "core/error.h"
#include "models/nn/element_type.h"

namespace frugal {

// What sums over this type are taken in: fp32, of fp64 fp64.
inline at::ScalarType wide_type(at::ScalarType type) {
  return type == at::kDouble ? at::kDouble : at::kFloat;
}

// The type as CUDA sources know it. Error(kUsage, "bad_inputs") for those that they do not.
inline ElementType element_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return ElementType::kFloat;
    case at::kDouble:
      return ElementType::kDouble;
    case at::kBFloat16:
      return ElementType::kBfloat16;
    case at::kHalf:
      return ElementType::kHalf;
    default:
      throw Error(ErrorKind::kUsage, "bad_inputs", cat("no kernel takes elements of type ", c10::toString(type)));
  }
}

}  // namespace frugal
