#include "models/nn/kernels/decode_call.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "models/nn/cuda_support.h"
#include "models/nn/scalar_types.h"

namespace frugal::decode_call {
namespace {

bool suits(const at::Tensor& x) {
  return x.stride(2) == 1 && x.stride(0) % 8 == 0 && x.stride(1) % 8 == 0 &&
         reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0;
}

void check_index(const char* name, const at::Tensor& x, int64_t count, at::Device device) {
  if (x.scalar_type() != at::kLong || x.dim() != 1 || x.size(0) != count || !x.is_contiguous() || x.device() != device)
    bad_inputs(cat(name, " must be ", count, " contiguous int64 on ", device.str(), ", found ", x.sizes(), " ",
                   c10::toString(x.scalar_type()), " on ", x.device().str()));
}

}  // namespace

void bad_inputs(const std::string& message) {
  throw Error(ErrorKind::kUsage, "bad_inputs", message);
}

void check(const at::Tensor& query, const at::Tensor& table, const at::Tensor& lengths, const at::Tensor& rows) {
  if (!table.is_contiguous()) bad_inputs("the cache's table must be contiguous");
  if (query.device() != table.device() || query.scalar_type() != table.scalar_type())
    bad_inputs(cat("queries are ", c10::toString(query.scalar_type()), " on ", query.device().str(),
                   ", the cache's table is ", c10::toString(table.scalar_type()), " on ", table.device().str()));
  check_index("lengths", lengths, table.size(0), table.device());
  if (rows.defined())
    check_index("rows", rows, query.size(0), table.device());
  else if (query.size(0) != table.size(0))
    bad_inputs(cat("a batch of ", query.size(0), " for a table of ", table.size(0), " rows; name its rows"));
}

QueryPiece query_piece(at::Tensor& x) {
  if (!suits(x)) x = x.clone(at::MemoryFormat::Contiguous);
  return {.data = x.const_data_ptr(),
          .sequence_stride = x.stride(0),
          .head_stride = x.stride(1),
          .width = static_cast<int>(x.size(2))};
}

at::Tensor launch(SplitDecode call, const at::Tensor& query, const at::Tensor& table, const at::Tensor& lengths,
                  const at::Tensor& rows, double scale, int64_t longest) {
  if (query.scalar_type() != at::kBFloat16 && query.scalar_type() != at::kHalf)
    throw Error(ErrorKind::kUsage, "unsupported_shape",
                cat("the decode kernel takes bf16 and fp16, found ", c10::toString(query.scalar_type())));
  if (!(scale > 0)) bad_inputs(cat("a softmax scale of ", scale));
  if (reinterpret_cast<uintptr_t>(table.const_data_ptr()) % 16 != 0) bad_inputs("the cache's table is not aligned");
  call.type = element_type(query.scalar_type());
  call.batch = static_cast<int>(query.size(0));
  call.scale = static_cast<float>(scale);
  call.longest = longest > 0 ? longest : table.size(1);
  const SplitDecodePlan plan = plan_split_decode(call, cuda::device_limits());
  at::Tensor output = at::empty({call.batch, int64_t{call.groups} * call.heads, call.value_width}, query.options());
  const at::Tensor partial = at::empty({plan.partial_floats}, query.options().dtype(at::kFloat));
  call.lengths = lengths.const_data_ptr<int64_t>();
  call.rows = rows.defined() ? rows.const_data_ptr<int64_t>() : nullptr;
  call.output = output.mutable_data_ptr();
  call.partial = plan.splits > 1 ? partial.mutable_data_ptr<float>() : nullptr;
  cuda::split_decode(call, plan);
  return output;
}

at::Tensor each_sequence(const at::Tensor& query, int64_t value_width, const at::Tensor& lengths,
                         const at::Tensor& rows,
                         const std::function<at::Tensor(int64_t b, int64_t row, int64_t length)>& attend) {
  at::Tensor output = at::zeros({query.size(0), query.size(1), value_width}, query.options());
  for (int64_t b = 0; b < query.size(0); ++b) {
    const int64_t row = rows.defined() ? rows.const_data_ptr<int64_t>()[b] : b;
    const int64_t length = lengths.const_data_ptr<int64_t>()[row];
    if (length > 0) output[b].copy_(attend(b, row, length));
  }
  return output;
}

}  // namespace frugal::decode_call
