// Encoders of text: BERT, RoBERTa, the encoder half of BART.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "models/model.h"

namespace frugal {

// Names and shapes as transformers names the arguments of forward. B sequences, S tokens, d hidden size.
struct TextInputs {
  at::Tensor input_ids;       // [B,S] int64
  at::Tensor attention_mask;  // [B,S] 1 real, 0 padding; undefined means all real
  at::Tensor token_type_ids;  // [B,S] int64; undefined means all 0
};

struct TextOutputs {
  at::Tensor last_hidden_state;  // [B,S,d]
  at::Tensor pooler_output;      // [B,d]; undefined when the checkpoint has no pooler
  at::Tensor logits;             // [B,labels]; undefined when there is no head
};

struct TextEncoderConfig {
  int64_t layers = 0, hidden_size = 0, heads = 0, intermediate_size = 0, vocabulary = 0, max_positions = 0,
          token_types = 0;
  double hidden_dropout = 0, attention_dropout = 0, classifier_dropout = 0, layer_norm_eps = 1e-12;
  double initializer_range = 0.02;  // standard deviation of new weights
  std::string activation = "gelu";  // of the MLP, as config.json names it
  int64_t labels = 0;               // 0: no classification head; 1: regression
};

// A layer is Attn then Mlp, each with its own residual and norm, so that methods can rewire them.
class TextEncoder : public Model {
 public:
  using Model::Model;
  virtual const TextEncoderConfig& config() const = 0;
  // [B,S,d], after norm and dropout.
  virtual at::Tensor embed(const TextInputs& inputs, const Pass& pass) = 0;
  // h [B,S,d] -> [B,S,d]. additive_mask [B,1,1,S]: 0 where real, the type's lowest number where padding.
  virtual at::Tensor attention_block(int64_t layer, const at::Tensor& h, const at::Tensor& additive_mask,
                                     const Pass& pass) = 0;
  virtual at::Tensor mlp_block(int64_t layer, const at::Tensor& h, const Pass& pass) = 0;
  // From embeddings to the last hidden state; the plain model runs its layers in order, methods replace this.
  virtual at::Tensor run_layers(const at::Tensor& embedded, const at::Tensor& additive_mask, const Pass& pass) = 0;
  // Pooler and classification head on the last hidden state [B,S,d].
  virtual TextOutputs read_out(const at::Tensor& last_hidden_state, const Pass& pass) = 0;

  TextOutputs forward(const TextInputs& inputs, const Pass& pass);
};

// [B,S] of 0 and 1 -> [B,1,1,S] of `type`; undefined stays undefined (no padding).
at::Tensor additive_mask(const at::Tensor& attention_mask, at::ScalarType type);

}  // namespace frugal
