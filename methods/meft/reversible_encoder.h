// A frozen encoder made reversible (paper section 3.3): two streams, adapters, three variants.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "methods/common/bottleneck.h"
#include "methods/meft/coupling.h"
#include "methods/meft/options.h"
#include "methods/meft/reversible_segment.h"
#include "models/text_encoder.h"

namespace frugal::meft {

// Shares the base's parameters and adds the adapters to them, under the names of the official checkpoints:
// `<layer>.ffn_adapter`, `<layer>.rev_adapter`, and for MEFT3 `<layer>.attention.output.attn_adapter`.
class ReversibleEncoder final : public TextEncoder {
 public:
  ReversibleEncoder(std::shared_ptr<TextEncoder> base, const MeftOptions& options, uint64_t init_seed);

  std::string_view architecture() const override { return base_->architecture(); }
  const TextEncoderConfig& config() const override { return base_->config(); }
  at::Tensor embed(const TextInputs& inputs, const Pass& pass) override { return base_->embed(inputs, pass); }
  at::Tensor attention_block(int64_t layer, const at::Tensor& h, const at::Tensor& mask, const Pass& pass) override {
    return base_->attention_block(layer, h, mask, pass);
  }
  at::Tensor mlp_block(int64_t layer, const at::Tensor& h, const Pass& pass) override {
    return base_->mlp_block(layer, h, pass);
  }
  at::Tensor run_layers(const at::Tensor& embedded, const at::Tensor& additive_mask, const Pass& pass) override;
  TextOutputs read_out(const at::Tensor& h, const Pass& pass) override { return base_->read_out(h, pass); }
  // "reconstruction_error": relative Frobenius error of the lowest reversible layer's recovered input, every
  // residual_every steps.
  std::vector<std::pair<std::string, double>> diagnostics() override;

  // Both streams after the last layer, in the order that the next layer would get.
  Streams run_streams(const at::Tensor& embedded, const at::Tensor& additive_mask, const Pass& pass);

 private:
  struct LayerAdapters {
    std::shared_ptr<Bottleneck> ffn, reversible, attention;
    std::vector<at::Tensor> parameters;
  };
  void add_adapters(int64_t layer, uint64_t seed);
  Coupling coupling(int64_t layer, const at::Tensor& mask, const Pass& pass) const;
  Streams run_segment(size_t begin, size_t end, const Streams& in, const at::Tensor& mask, const Pass& pass);
  at::Tensor join(const Streams& streams) const;
  double annealed(double factor, const Pass& pass) const;

  std::shared_ptr<TextEncoder> base_;
  MeftOptions options_;
  std::vector<LayerMode> plan_;
  std::map<int64_t, LayerAdapters> adapters_;
  at::Tensor concat_weight_;
  std::shared_ptr<std::optional<double>> residual_ = std::make_shared<std::optional<double>>();
};

}  // namespace frugal::meft
