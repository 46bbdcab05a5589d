// What the architectures share in taking their parameters from Weights.
#pragma once

#include <string>

#include "core/config/options.h"
#include "models/language/decoder.h"
#include "models/nn/weights.h"

namespace frugal {

class DecoderBuilder {
 public:
  DecoderBuilder(Weights& weights, ParameterSet& parameters) : weights_(weights), parameters_(parameters) {}
  // Takes the tensor and adds it to the model's parameters.
  at::Tensor take(const std::string& name, at::IntArrayRef shape, Init init);
  // name.weight [out,in] and, with bias, name.bias [out].
  Linear linear(const std::string& name, int64_t out, int64_t in, bool bias);
  Norm rms_norm(const std::string& name, int64_t width, double eps);
  // affine false: no parameters.
  Norm layer_norm(const std::string& name, int64_t width, bool affine);
  // lm_head.weight [V,d], or `words` where the config ties them; undefined for a checkpoint of the decoder alone.
  Linear head(const at::Tensor& words, bool tied, const Json& checkpoint_config);

 private:
  Weights& weights_;
  ParameterSet& parameters_;
};

}  // namespace frugal
