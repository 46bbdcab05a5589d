// Short names for conversions by MHA2MLA and TransMLA.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "methods/x_ecomla/baselines/mha2mla.h"
#include "methods/x_ecomla/baselines/transmla.h"
#include "tests/methods/converted_checks.h"

namespace frugal::x_ecomla::testing {

inline void convert_by(const std::shared_ptr<Decoder>& model, const Mha2MlaOptions& options,
                       const MethodContext& context = {}) {
  Mha2MlaMethod(options).apply(std::static_pointer_cast<LanguageModel>(model), context);
}

inline void convert_by(const std::shared_ptr<Decoder>& model, const TransMlaOptions& options,
                       const MethodContext& context = calibrated()) {
  TransMlaMethod(options).apply(std::static_pointer_cast<LanguageModel>(model), context);
}

inline Mha2MlaOptions partial(int64_t r, int64_t low_rank, const std::string& version = "high") {
  Mha2MlaOptions o;
  o.rope_dim_for_mla = r;
  o.low_rank = low_rank;
  o.partial_rope_version = version;
  return o;
}

inline TransMlaOptions merged(int64_t rope, int64_t rank, std::optional<int64_t> freqfold = 1) {
  TransMlaOptions o;
  o.qk_mqa_dim = rope;
  o.kv_lora_rank = rank;
  o.freqfold = freqfold;
  return o;
}

inline LanguageModelInputs at_place_0() {
  return {.input_ids = tiny_ids(2, 9), .positions = at::zeros({2, 9}, at::kLong)};
}

}  // namespace frugal::x_ecomla::testing
