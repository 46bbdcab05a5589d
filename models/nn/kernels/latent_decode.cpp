#include "models/nn/kernels/latent_decode.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include "core/error.h"
#include "models/nn/kernels/decode_call.h"
#include "models/nn/scalar_types.h"

namespace frugal {
namespace {

at::Tensor on_cpu(const at::Tensor& query_latent, const at::Tensor& query_rope, const at::Tensor& table,
                  const at::Tensor& lengths, const at::Tensor& rows, double scale) {
  const int64_t rank = query_latent.size(2), rope = query_rope.size(2);
  const at::ScalarType type = wide_type(table.scalar_type());
  const at::Tensor latent_queries = query_latent.to(type), rope_queries = query_rope.to(type);
  return decode_call::each_sequence(query_latent, rank, lengths, rows, [&](int64_t b, int64_t row, int64_t length) {
    const at::Tensor stored = table[row].narrow(0, 0, length).to(type), latent = stored.narrow(1, 0, rank);
    const at::Tensor scores =
        at::matmul(latent_queries[b], latent.t()) + at::matmul(rope_queries[b], stored.narrow(1, rank, rope).t());
    return at::matmul(at::softmax(scores * scale, -1), latent);
  });
}

}  // namespace

at::Tensor latent_decode(const at::Tensor& query_latent, const at::Tensor& query_rope, const at::Tensor& table,
                         const at::Tensor& lengths, const at::Tensor& rows, double scale, int64_t longest) {
  if (query_latent.dim() != 3 || query_rope.dim() != 3 || table.dim() != 3 ||
      query_latent.sizes().slice(0, 2) != query_rope.sizes().slice(0, 2) ||
      table.size(2) != query_latent.size(2) + query_rope.size(2))
    decode_call::bad_inputs(cat("queries ", query_latent.sizes(), " and ", query_rope.sizes(), " for latents ",
                                table.sizes(), "; expected [B,H,r_kv], [B,H,d_r] and [sequences,capacity,r_kv+d_r]"));
  decode_call::check(query_latent, table, lengths, rows);
  decode_call::check(query_rope, table, lengths, rows);
  if (table.is_cpu()) return on_cpu(query_latent, query_rope, table, lengths, rows, scale);
  at::Tensor latent = query_latent, rope = query_rope;
  const auto rank = static_cast<int>(latent.size(2)), turned = static_cast<int>(rope.size(2));
  if (turned != 16 && turned != 32 && turned != 64)
    throw Error(ErrorKind::kUsage, "unsupported_shape",
                cat("a rotary part of ", turned, " elements; the decode kernel takes 16, 32 and 64"));
  SplitDecode call;
  call.query[0] = decode_call::query_piece(latent);
  call.query[1] = decode_call::query_piece(rope);
  call.token[0] = {.data = table.const_data_ptr(),
                   .row_stride = table.stride(0),
                   .token_stride = table.stride(1),
                   .group_stride = 0,
                   .width = rank + turned};
  call.key_width = rank + turned;
  call.value_width = rank;
  call.groups = 1;
  call.heads = static_cast<int>(latent.size(1));
  return decode_call::launch(call, latent, table, lengths, rows, scale, longest);
}

}  // namespace frugal
