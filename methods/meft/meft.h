// The method: an encoder in, its reversible form out.
#pragma once

#include "methods/meft/options.h"
#include "methods/method.h"

namespace frugal::meft {

class MeftMethod final : public Method {
 public:
  explicit MeftMethod(MeftOptions options) : options_(std::move(options)) {}
  std::string_view name() const override { return options_.variant; }
  MethodTraits traits() const override { return {.trains = true, .changes_backward = true}; }
  using Method::apply;
  std::shared_ptr<TextEncoder> apply(std::shared_ptr<TextEncoder> model, const MethodContext& context) override;

 private:
  MeftOptions options_;
};

}  // namespace frugal::meft
