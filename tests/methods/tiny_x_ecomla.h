// A small Llama for the tests of X-EcoMLA, and short ways to convert and run it.
#pragma once

#include "methods/x_ecomla/convert.h"
#include "methods/x_ecomla/x_ecomla.h"
#include "models/language/latent_attention.h"
#include "tests/models/tiny_llama.h"

namespace frugal::x_ecomla::testing {

inline constexpr int64_t kWidth = 64, kHeads = 4, kHead = 16;

// Width 64, 4 heads of 16; two layers, or more.
inline std::shared_ptr<Decoder> base_model(int64_t kv_heads = 2, Json more = {},
                                           const std::string& architecture = "llama") {
  Json config = {
      {"hidden_size", kWidth}, {"head_dim", kHead}, {"num_key_value_heads", kv_heads}, {"initializer_range", 0.15}};
  if (!more.is_null()) config.update(more);
  return frugal::testing::tiny_language_model(architecture, config);
}

inline std::shared_ptr<LanguageModel> converted(const std::shared_ptr<Decoder>& model, const XEcomlaOptions& options) {
  return XEcomlaMethod(options).apply(std::static_pointer_cast<LanguageModel>(model), {.init_seed = 3});
}

// 8 random sequences of 12 tokens.
inline MethodContext calibrated(int64_t sequences = 8) {
  return {.init_seed = 3, .calibration = [sequences] {
            const at::Tensor ids = frugal::testing::tiny_ids(sequences, 12, 29).to(at::kInt).contiguous();
            const auto* data = ids.const_data_ptr<int32_t>();
            return CalibrationTokens{.ids = {data, data + ids.numel()}, .seq_len = 12};
          }};
}

inline at::Tensor states(LanguageModel& model, const LanguageModelInputs& inputs, KvCache* cache = nullptr) {
  const at::NoGradGuard no_grad;
  return model.hidden_states(inputs, cache, Pass::evaluation());
}

inline LlamaConfig llama_of(const Decoder& model) {
  return parse_llama_config(model.checkpoint_config(), std::string(model.architecture()), "test");
}

inline const at::Tensor& parameter(const LanguageModel& model, const std::string& name) {
  return model.parameters().get("model.layers." + name + ".weight");
}

inline const LatentAttention& latent(Decoder& model, int64_t layer) {
  return dynamic_cast<const LatentAttention&>(*model.layer(layer).attention);
}

// All directions there are: only positions differ from the base.
inline XEcomlaOptions full_ranks(int64_t kv_heads = 2) {
  XEcomlaOptions options;
  options.r_q = kWidth;
  options.r_kv = std::min(kWidth, 2 * kv_heads * kHead);
  options.d_nope = options.d_rope = kHead / 2;
  options.rope_mode = "plain";
  return options;
}

}  // namespace frugal::x_ecomla::testing
