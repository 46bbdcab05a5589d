// Writing to chosen places of a tensor when the order of writing cannot show.
#pragma once

#include <ATen/core/Tensor.h>

namespace frugal {

// target[places[i]] = values[i], along the first dimension; values have target's type, and no place is named twice.
// LibTorch does not know the latter, and in deterministic mode sorts the places on CUDA first, which costs many times
// the copy; so this leaves that mode for the call.
void copy_to_places(const at::Tensor& target, const at::Tensor& places, const at::Tensor& values);

}  // namespace frugal
