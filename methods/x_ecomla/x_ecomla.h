// The method: a Llama-family model in, the same with latent attention out, all of it to be trained.
#pragma once

#include "methods/method.h"
#include "methods/x_ecomla/options.h"

namespace frugal::x_ecomla {

class XEcomlaMethod final : public Method {
 public:
  explicit XEcomlaMethod(XEcomlaOptions options) : options_(std::move(options)) {}
  std::string_view name() const override { return "x_ecomla"; }
  MethodTraits traits() const override {
    return {.trains = true,
            .needs_calibration =
                options_.init == "svd" && options_.svd_metric == "activation" && options_.layers != Json::array()};
  }
  using Method::apply;
  std::shared_ptr<LanguageModel> apply(std::shared_ptr<LanguageModel> model, const MethodContext& context) override;

 private:
  XEcomlaOptions options_;
};

}  // namespace frugal::x_ecomla
