// What latent_decode and grouped_decode share: checks of the call, its way to the CUDA kernel, and the CPU's loop.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "models/nn/kernels/split_decode.h"

namespace frugal::decode_call {

[[noreturn]] void bad_inputs(const std::string& message);
// lengths and rows against a table [sequences,capacity,...] and a batch of B; one device and one type for all.
void check(const at::Tensor& query, const at::Tensor& table, const at::Tensor& lengths, const at::Tensor& rows);
// x [B,H,width], copied only if its strides do not suit the kernel; the copy replaces x.
QueryPiece query_piece(at::Tensor& x);
// Plans and launches; fills in what the pieces do not say. -> [B,H,value_width].
at::Tensor launch(SplitDecode call, const at::Tensor& query, const at::Tensor& table, const at::Tensor& lengths,
                  const at::Tensor& rows, double scale, int64_t longest);
// On the CPU: attend(b, row, length) -> [H,value_width] for each sequence of at least one token, zeros for the others.
at::Tensor each_sequence(const at::Tensor& query, int64_t value_width, const at::Tensor& lengths,
                         const at::Tensor& rows,
                         const std::function<at::Tensor(int64_t b, int64_t row, int64_t length)>& attend);

}  // namespace frugal::decode_call
