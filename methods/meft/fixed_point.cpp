#include "methods/meft/fixed_point.h"

#include <ATen/ops/bitwise_and.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/div.h>
#include <ATen/ops/logical_or.h>
#include <ATen/ops/remainder.h>
#include <ATen/ops/round.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace frugal::meft {
namespace {

int64_t divisor(double factor) {
  return std::llround(1.0 / factor);
}

int64_t bits_for(int64_t n) {
  return n <= 2 ? 1 : n <= 4 ? 2 : n <= 16 ? 4 : 8;
}

// h -> (h div n, h mod n), rounding down, so that h = n (h div n) + (h mod n) for negative h too.
at::Tensor divide(const at::Tensor& h, int64_t n, Remainder& remainder) {
  if (n == 1) return h;
  remainder = pack_remainder(at::remainder(h, n), n);
  return at::div(h, n, "floor");
}

at::Tensor multiply(const at::Tensor& quotient, int64_t n, const Remainder& remainder) {
  if (n == 1) return quotient;
  return quotient * n + unpack_remainder(remainder, n, quotient.sizes());
}

void note_overflow(const at::Tensor& h, at::Tensor& overflow) {
  overflow = at::logical_or(overflow, h.abs().max() >= (1 << 30));
}

}  // namespace

Remainder pack_remainder(const at::Tensor& values, int64_t n) {
  const int64_t bits = bits_for(n), per_byte = 8 / bits;
  at::Tensor flat = values.reshape({-1}).to(at::kByte);
  if (per_byte == 1) return {flat};
  if (const int64_t rest = flat.numel() % per_byte; rest != 0)
    flat = at::cat({flat, at::zeros({per_byte - rest}, flat.options())});
  const at::Tensor groups = flat.view({-1, per_byte});
  at::Tensor packed = groups.select(1, 0).clone();
  for (int64_t i = 1; i < per_byte; ++i) packed += groups.select(1, i) * (1 << (bits * i));
  return {packed};
}

at::Tensor unpack_remainder(const Remainder& remainder, int64_t n, at::IntArrayRef shape) {
  const int64_t bits = bits_for(n), per_byte = 8 / bits;
  const int64_t count = c10::multiply_integers(shape);
  if (per_byte == 1) return remainder.packed.view(shape).to(at::kInt);
  std::vector<at::Tensor> parts;
  for (int64_t i = 0; i < per_byte; ++i)
    parts.push_back(at::bitwise_and(remainder.packed.bitwise_right_shift(bits * i), (1 << bits) - 1));
  return at::stack(parts, 1).reshape({-1}).slice(0, 0, count).view(shape).to(at::kInt);
}

// Through fp64, so that the product with 2^bits and the rounding are exact for every fp32 input.
at::Tensor to_fixed(const at::Tensor& h, int64_t bits) {
  return at::round(h.to(at::kDouble) * std::ldexp(1.0, static_cast<int>(bits)))
      .clamp(-2147483648.0, 2147483647.0)
      .to(at::kInt);
}

at::Tensor from_fixed(const at::Tensor& h, int64_t bits, at::ScalarType type) {
  return (h.to(at::kDouble) * std::ldexp(1.0, -static_cast<int>(bits))).to(type);
}

FixedStreams forward(const Coupling& layer, const FixedStreams& in, int64_t bits, at::ScalarType type,
                     FixedSaved& saved, at::Tensor& overflow) {
  const auto fixed = [&](const Function& function, const at::Tensor& h) {
    return to_fixed(function(from_fixed(h, bits, type)), bits);
  };
  const at::Tensor y1 = divide(in.h1, divisor(layer.lambda), saved.h1) + fixed(layer.f, in.h2);
  note_overflow(y1, overflow);
  const at::Tensor y2 = divide(in.h2, divisor(layer.beta), saved.h2) + fixed(layer.g, y1);
  note_overflow(y2, overflow);
  return layer.swap ? FixedStreams{y2, y1} : FixedStreams{y1, y2};
}

FixedInverted invert(const Coupling& layer, const FixedStreams& out, const Streams& d_out, const FixedSaved& saved,
                     int64_t bits, at::ScalarType type) {
  FixedInverted result;
  const at::Tensor& y1 = layer.swap ? out.h2 : out.h1;
  const at::Tensor& y2 = layer.swap ? out.h1 : out.h2;
  const at::Tensor& dy2 = layer.swap ? d_out.h1 : d_out.h2;
  at::Tensor dy1 = layer.swap ? d_out.h2 : d_out.h1;

  const LocalGradient g =
      local_gradient(layer.g, from_fixed(y1, bits, type), dy2, layer.parameters, result.d_parameters);
  dy1 = dy1 + g.d_input;
  result.in.h2 = multiply(y2 - to_fixed(g.value, bits), divisor(layer.beta), saved.h2);
  const LocalGradient f =
      local_gradient(layer.f, from_fixed(result.in.h2, bits, type), dy1, layer.parameters, result.d_parameters);
  result.in.h1 = multiply(y1 - to_fixed(f.value, bits), divisor(layer.lambda), saved.h1);
  result.d_in = {.h1 = layer.lambda * dy1, .h2 = layer.beta * dy2 + f.d_input};
  return result;
}

}  // namespace frugal::meft
