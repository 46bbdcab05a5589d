// Integer streams: the coupling inverted bit for bit (spec 2.6). A stream holds round(2^bits h) as int32; a factor 1/n
// divides by n and keeps the remainder, which the inverse needs: 1, 2, 4 or 8 bits an element.
#pragma once

#include <ATen/core/Tensor.h>

#include "methods/meft/coupling.h"

namespace frugal::meft {

// h mod n for 0 <= h mod n < n, packed to the fewest of 1, 2, 4, 8 bits; undefined for n = 1.
struct Remainder {
  at::Tensor packed;  // uint8
};
Remainder pack_remainder(const at::Tensor& values, int64_t n);
at::Tensor unpack_remainder(const Remainder& remainder, int64_t n, at::IntArrayRef shape);

struct FixedStreams {
  at::Tensor h1, h2;  // int32
};

// What one layer stores for its inverse.
struct FixedSaved {
  Remainder h1, h2;
};

at::Tensor to_fixed(const at::Tensor& h, int64_t bits);
at::Tensor from_fixed(const at::Tensor& h, int64_t bits, at::ScalarType type);

// No gradient. overflow: bool scalar on the streams' device, set when a value leaves (-2^30, 2^30).
FixedStreams forward(const Coupling& layer, const FixedStreams& in, int64_t bits, at::ScalarType type,
                     FixedSaved& saved, at::Tensor& overflow);

struct FixedInverted {
  FixedStreams in;
  Streams d_in;
  std::vector<at::Tensor> d_parameters;
};
// The exact inverse, and gradients as in the floating-point coupling (rounding passes them straight through).
FixedInverted invert(const Coupling& layer, const FixedStreams& out, const Streams& d_out, const FixedSaved& saved,
                     int64_t bits, at::ScalarType type);

}  // namespace frugal::meft
