// MHA2MLA (arXiv 2502.14837): a part of every key head goes on turning, the rest of the keys and all values pass
// through a latent; key heads stay shared by groups. Names in comments are those of the paper's section 3.
#pragma once

#include <ATen/core/Tensor.h>

#include "methods/method.h"
#include "methods/x_ecomla/baselines/options.h"
#include "models/language/grouped_attention.h"
#include "models/language/partial_rope_attention.h"

namespace frugal::x_ecomla {

class Mha2MlaMethod final : public Method {
 public:
  explicit Mha2MlaMethod(Mha2MlaOptions options) : options_(std::move(options)) {}
  std::string_view name() const override { return "mha2mla"; }
  MethodTraits traits() const override {
    return {.trains = true,
            .needs_calibration = options_.partial_rope_version == "2-norm" && options_.layers != Json::array()};
  }
  using Method::apply;
  // Error(kUsage, "bad_value") naming the key, "missing_value" for 2-norm without texts, "method_does_not_fit".
  std::shared_ptr<LanguageModel> apply(std::shared_ptr<LanguageModel> model, const MethodContext& context) override;

 private:
  Mha2MlaOptions options_;
};

// S_2-norm: of every key head the r/2 pairs of largest score, ascending. query_norms [H,P], key_norms [Hkv,P]: means
// over tokens of the norms of the heads' P rotary pairs; score of a key head's pair: the sum over its query heads of
// the products.
HeadPairs largest_pairs(const at::Tensor& query_norms, const at::Tensor& key_norms, int64_t r);

// By the names of PartialRopeProjections, in fp64.
struct PartialRopeWeights {
  at::Tensor query, key_rope, down_key, down_value, up_key, up_value;  // down_value undefined: joint
};
// Rows of queries and keys sorted into those that turn and the others, [K_nope; V] = U S V^T cut to `rank`: down V^T,
// up U S; split: each by itself.
PartialRopeWeights partial_rope_weights(const GroupedAttention& attention, const HeadPairs& pairs, int64_t rank,
                                        bool joint);

}  // namespace frugal::x_ecomla
