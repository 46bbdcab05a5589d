#include "experiments/forward/options.h"

namespace frugal {

const OptionTable<ForwardOptions>& forward_options() {
  using O = ForwardOptions;
  static const auto table =
      OptionTable<O>("one pass over given tensors")
          .add("input", &O::input, {.help = "HDF5 file of the inputs, named as transformers' forward names them"})
          .add("output", &O::output, {.help = "HDF5 file to write: outputs and captured activations"})
          .add("capture", &O::capture, {.help = "hook points: embedding, output, block.LAYER, block.*, ..."})
          .add("dtype", &O::dtype, {.help = "of weights and arithmetic", .choices = {"fp32", "fp64"}});
  return table;
}

}  // namespace frugal
