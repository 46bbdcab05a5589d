// Fine-tuning baselines on text encoders, by hooks on the encoder's named points.
//   BitFit  Ben Zaken et al. 2022   LoRA  Hu et al. 2022   sequential adapters  Houlsby et al. 2019, Pfeiffer et al.
//   2021 parallel adapters  He et al. 2022   (IA)3  Liu et al. 2022   checkpointing  Chen et al. 2016
#pragma once

#include <memory>

#include "methods/common/peft_options.h"
#include "methods/method.h"
#include "models/text_encoder.h"

namespace frugal {

class PeftMethod final : public Method {
 public:
  explicit PeftMethod(PeftOptions options) : options_(std::move(options)) {}
  std::string_view name() const override { return options_.kind; }
  MethodTraits traits() const override { return {.trains = true}; }
  using Method::apply;
  std::shared_ptr<TextEncoder> apply(std::shared_ptr<TextEncoder> model, const MethodContext& context) override;

 private:
  PeftOptions options_;
};

}  // namespace frugal
