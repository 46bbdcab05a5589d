// Activations at named hook points of a model: "embedding", "block.3", "block.*".
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/model.h"

namespace frugal {

class Captures {
 public:
  // Attaches to every hook point, after what methods attached: what is captured is what goes on. names: POINT outside
  // of the layers, POINT.LAYER, POINT.*; Error(kUsage, "unknown_capture") lists what there is.
  Captures(Model& model, int64_t layers, const std::vector<std::string>& names);
  // In the order of the network; Error(kUsage, "unknown_capture") for a name that the pass did not reach.
  std::vector<NamedTensor> take() const;

 private:
  struct Seen {
    std::vector<NamedTensor> all;  // value undefined where nobody asked for it
  };
  std::vector<std::string> wanted_;
  std::shared_ptr<Seen> seen_ = std::make_shared<Seen>();
};

}  // namespace frugal
