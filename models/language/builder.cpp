#include "models/language/builder.h"

namespace frugal {
namespace {

// "LlamaModel" and not "LlamaForCausalLM".
bool names_decoder_alone(const Json& config) {
  const auto named = config.find("architectures");
  if (named == config.end() || !named->is_array() || named->empty() || !named->front().is_string()) return false;
  return named->front().get<std::string>().ends_with("Model");
}

}  // namespace

at::Tensor DecoderBuilder::take(const std::string& name, at::IntArrayRef shape, Init init) {
  return parameters_.add(name, weights_.take(name, shape, init));
}

Linear DecoderBuilder::linear(const std::string& name, int64_t out, int64_t in, bool bias) {
  Linear made;
  made.weight = take(name + ".weight", {out, in}, Init::kNormal);
  if (bias) made.bias = take(name + ".bias", {out}, Init::kZeros);
  return made;
}

Norm DecoderBuilder::rms_norm(const std::string& name, int64_t width, double eps) {
  return RmsNorm{.weight = take(name + ".weight", {width}, Init::kOnes), .eps = eps};
}

Norm DecoderBuilder::layer_norm(const std::string& name, int64_t width, bool affine) {
  LayerNorm norm{.weight = {}, .bias = {}, .eps = 1e-5};
  if (affine) {
    norm.weight = take(name + ".weight", {width}, Init::kOnes);
    norm.bias = take(name + ".bias", {width}, Init::kZeros);
  }
  return norm;
}

Linear DecoderBuilder::head(const at::Tensor& words, bool tied, const Json& checkpoint_config) {
  if (names_decoder_alone(checkpoint_config) && !weights_.contains("lm_head.weight")) return {};
  if (tied) return {.weight = words, .bias = {}};
  return linear("lm_head", words.size(0), words.size(1), false);
}

}  // namespace frugal
