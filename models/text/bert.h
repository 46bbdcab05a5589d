// BERT (Devlin et al., 2019), post-LN, with tensor names as Hugging Face stores them.
#pragma once

#include <vector>

#include "models/nn/layers.h"
#include "models/nn/weights.h"
#include "models/text/bert_config.h"
#include "models/text_encoder.h"

namespace frugal {

class Bert final : public TextEncoder {
 public:
  // labels: 0 for no head. A head or pooler that the checkpoint lacks is new (normal weights, zero bias) and logged.
  // An encoder checkpoint may carry or lack the prefix "bert."; heads of pre-training (cls.*) are ignored.
  Bert(const BertConfig& config, int64_t labels, Weights& weights);

  std::string_view architecture() const override { return "bert"; }
  const TextEncoderConfig& config() const override { return config_; }
  at::Tensor embed(const TextInputs& inputs, const Pass& pass) override;
  at::Tensor attention_block(int64_t layer, const at::Tensor& h, const at::Tensor& additive_mask,
                             const Pass& pass) override;
  at::Tensor mlp_block(int64_t layer, const at::Tensor& h, const Pass& pass) override;
  at::Tensor run_layers(const at::Tensor& embedded, const at::Tensor& additive_mask, const Pass& pass) override;
  TextOutputs read_out(const at::Tensor& last_hidden_state, const Pass& pass) override;

 private:
  struct Layer {
    Linear query, key, value, attention_output, intermediate, output;
    LayerNorm attention_norm, output_norm;
  };
  Linear linear(Weights& weights, const std::string& name, int64_t out, int64_t in);
  LayerNorm norm(Weights& weights, const std::string& name);
  Layer load_layer(Weights& weights, const std::string& prefix);

  TextEncoderConfig config_;
  Activation activation_;
  at::Tensor words_, positions_, types_;
  LayerNorm embedding_norm_;
  std::vector<Layer> layers_;
  Linear pooler_, classifier_;
};

}  // namespace frugal
