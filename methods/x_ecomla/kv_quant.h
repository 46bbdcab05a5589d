// A baseline without training: the attention stays, its cache holds integers (models/language/kv_codec.h).
#pragma once

#include "methods/method.h"
#include "methods/x_ecomla/options.h"

namespace frugal::x_ecomla {

// Keys, after rotation, and values of each token and head are rounded by the range of their group, with a cache and
// without. Error(kUsage, "bad_value") naming the key; "method_does_not_fit" for other attention than grouped-query.
class KvQuantMethod final : public Method {
 public:
  explicit KvQuantMethod(KvQuantOptions options) : options_(std::move(options)) {}
  std::string_view name() const override { return "kv_quant"; }
  MethodTraits traits() const override { return {}; }
  using Method::apply;
  std::shared_ptr<LanguageModel> apply(std::shared_ptr<LanguageModel> model, const MethodContext& context) override;

 private:
  KvQuantOptions options_;
};

}  // namespace frugal::x_ecomla
