// Attention of one new token a sequence over a cache of keys and values that groups of heads share (grouped-query
// attention, Ainslie et al., 2023).
#pragma once

#include <ATen/core/Tensor.h>

namespace frugal {

// softmax(q K^T * scale) V over the lengths[row] tokens of each row. query [B,H,dh]; keys and values
// [sequences,capacity,Hkv,dh], contiguous; head h reads key head h / (H / Hkv). lengths, rows, longest and errors as in
// latent_decode.h. -> [B,H,dh].
// CUDA (bf16, fp16): dh a multiple of 16 in 16..256. The CPU takes any floating type and size. Not differentiable.
at::Tensor grouped_decode(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                          const at::Tensor& lengths, const at::Tensor& rows, double scale, int64_t longest = 0);

}  // namespace frugal
