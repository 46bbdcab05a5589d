// Gradient checkpointing (Chen et al., 2016): keep each layer's input, compute the layer again in backward.
#pragma once

#include <memory>

#include "models/text_encoder.h"

namespace frugal {

class CheckpointedEncoder final : public TextEncoder {
 public:
  CheckpointedEncoder(std::shared_ptr<TextEncoder> base, int64_t layers_per_checkpoint)
      : TextEncoder(*base), base_(std::move(base)), every_(layers_per_checkpoint) {}

  std::string_view architecture() const override { return base_->architecture(); }
  const TextEncoderConfig& config() const override { return base_->config(); }
  at::Tensor embed(const TextInputs& inputs, const Pass& pass) override { return base_->embed(inputs, pass); }
  at::Tensor attention_block(int64_t layer, const at::Tensor& h, const at::Tensor& mask, const Pass& pass) override {
    return base_->attention_block(layer, h, mask, pass);
  }
  at::Tensor mlp_block(int64_t layer, const at::Tensor& h, const Pass& pass) override {
    return base_->mlp_block(layer, h, pass);
  }
  at::Tensor run_layers(const at::Tensor& embedded, const at::Tensor& mask, const Pass& pass) override;
  TextOutputs read_out(const at::Tensor& h, const Pass& pass) override { return base_->read_out(h, pass); }

 private:
  std::shared_ptr<TextEncoder> base_;
  int64_t every_;
};

}  // namespace frugal
