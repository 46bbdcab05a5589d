#include "models/nn/kernels/grouped_decode.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include "core/error.h"
#include "models/nn/kernels/decode_call.h"
#include "models/nn/scalar_types.h"

namespace frugal {
namespace {

at::Tensor on_cpu(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values, const at::Tensor& lengths,
                  const at::Tensor& rows, double scale) {
  const int64_t groups = keys.size(2), size = keys.size(3), heads = query.size(1) / groups;
  const at::ScalarType type = wide_type(keys.scalar_type());
  const at::Tensor queries = query.to(type);
  return decode_call::each_sequence(query, size, lengths, rows, [&](int64_t b, int64_t row, int64_t length) {
    const at::Tensor k = keys[row].narrow(0, 0, length).to(type), v = values[row].narrow(0, 0, length).to(type);
    const at::Tensor scores = at::matmul(queries[b].view({groups, heads, size}), k.permute({1, 2, 0})) * scale;
    return at::matmul(at::softmax(scores, -1), v.transpose(0, 1)).reshape({groups * heads, size});
  });
}

TokenPiece token_piece(const at::Tensor& table) {
  return {.data = table.const_data_ptr(),
          .row_stride = table.stride(0),
          .token_stride = table.stride(1),
          .group_stride = table.stride(2),
          .width = static_cast<int>(table.size(3))};
}

}  // namespace

at::Tensor grouped_decode(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                          const at::Tensor& lengths, const at::Tensor& rows, double scale, int64_t longest) {
  if (query.dim() != 3 || keys.dim() != 4 || keys.sizes() != values.sizes() || query.size(2) != keys.size(3) ||
      query.size(1) % keys.size(2) != 0)
    decode_call::bad_inputs(cat("queries ", query.sizes(), " for keys ", keys.sizes(), " and values ", values.sizes(),
                                "; expected [B,H,dh] and twice [sequences,capacity,Hkv,dh], H a multiple of Hkv"));
  decode_call::check(query, keys, lengths, rows);
  decode_call::check(query, values, lengths, rows);
  if (keys.is_cpu()) return on_cpu(query.contiguous(), keys, values, lengths, rows, scale);
  at::Tensor q = query;
  const auto size = static_cast<int>(q.size(2));
  if (size % 16 != 0)
    throw Error(ErrorKind::kUsage, "unsupported_shape",
                cat("heads of ", size, " elements; the decode kernel takes multiples of 16"));
  SplitDecode call;
  call.query[0] = decode_call::query_piece(q);
  call.token[0] = token_piece(keys);
  call.token[1] = token_piece(values);
  call.key_width = call.value_offset = call.value_width = size;
  call.groups = static_cast<int>(keys.size(2));
  call.heads = static_cast<int>(q.size(1)) / call.groups;
  return decode_call::launch(call, q, keys, lengths, rows, scale, longest);
}

}  // namespace frugal
