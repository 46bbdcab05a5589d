// A run of reversible layers as one node of the autograd graph: forward keeps the two last streams (and what the
// exactness mode adds), backward recomputes the layers' inputs from the top down (paper section 3.3, Listing 1).
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "methods/meft/coupling.h"
#include "methods/meft/options.h"

namespace frugal::meft {

struct Segment {
  std::vector<Coupling> layers;  // bottom first
  Exactness exactness = Exactness::kNone;
  int64_t anchor_every = 4;
  int64_t fixed_point_bits = 16;
  // Called at the end of backward with the recovered input streams, for diagnostics; may be empty.
  std::function<void(const Streams&)> recovered;
};

// Differentiable in the streams and in every parameter of the layers. Error(kRunFailed, "fixed_point_overflow") when a
// stream leaves the range of its integers.
Streams run(std::shared_ptr<const Segment> segment, const Streams& in);

}  // namespace frugal::meft
