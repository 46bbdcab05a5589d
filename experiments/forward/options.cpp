#include "experiments/forward/options.h"

namespace frugal {

const OptionTable<ForwardOptions>& forward_options() {
  using O = ForwardOptions;
  static const auto table =
      OptionTable<O>("one pass over given tensors")
          .add("input", &O::input, {.help = "HDF5 file of the inputs, named as transformers' forward names them"})
          .add("output", &O::output, {.help = "HDF5 file to write: outputs and captured activations"})
          .add("capture", &O::capture, {.help = "hook points: embedding, output, block.LAYER, block.*, ..."})
          .add("dtype", &O::dtype, {.help = "of weights and arithmetic", .choices = {"fp32", "fp64", "bf16"}})
          .add("cache_chunks", &O::cache_chunks,
               {.help = "language models: run through the KV cache, so many tokens at a time, the last piece takes the "
                        "rest; empty: all at once, without a cache",
                .unit = "tokens",
                .min = 1});
  return table;
}

}  // namespace frugal
