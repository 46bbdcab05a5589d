// Absorbed attention of one new token a sequence over a cache of latents (multi-head latent attention; DeepSeek-V2,
// 2024, section 2.1; X-EcoMLA, arXiv 2503.11132): every head reads the same r_kv + d_r values of a token.
#pragma once

#include <ATen/core/Tensor.h>

namespace frugal {

// With c_t = table[row, t, :r_kv] and k_t = table[row, t, r_kv:] for t < lengths[row], and s[h,t] =
// (query_latent[b,h] . c_t + query_rope[b,h] . k_t) * scale: o[b,h] = sum over t of softmax(s)[h,t] c_t.
//
// query_latent [B,H,r_kv], query_rope [B,H,d_r]; table [sequences,capacity,r_kv+d_r], contiguous, of their type.
// lengths [sequences] int64 on the table's device: tokens stored in each row, the new one included, at most `capacity`;
// what lies behind is never read, and a row of no tokens gives zeros. rows [B] int64 on the same device: the table's
// row of each sequence; undefined: row b, and B is `sequences`. longest: a bound on the lengths known to the host,
// which guides the division of work and nothing else; 0: capacity. -> [B,H,r_kv] of the same type.
//
// CUDA (bf16, fp16): r_kv a multiple of 8 in 16..512, d_r 16, 32 or 64; nothing waits for the device, and the launches
// depend on no value there, so the call can be captured into a CUDA graph. The CPU takes any floating type and size.
// Error(kUsage, "unsupported_shape" or "bad_inputs"). Not differentiable.
at::Tensor latent_decode(const at::Tensor& query_latent, const at::Tensor& query_rope, const at::Tensor& table,
                         const at::Tensor& lengths, const at::Tensor& rows, double scale, int64_t longest = 0);

}  // namespace frugal
