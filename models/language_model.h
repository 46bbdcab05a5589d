// Decoder language models: Llama, Mistral, Qwen2, OPT, and what methods make of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "models/language/kv_cache.h"
#include "models/model.h"
#include "models/nn/layers.h"

namespace frugal {

struct LanguageModelConfig {
  int64_t layers = 0, hidden_size = 0, heads = 0, kv_heads = 0, head_size = 0, intermediate_size = 0, vocabulary = 0;
  int64_t max_positions = 0;  // longest sequence in training; a hard limit where positions are learned (OPT)
};

// B rows of T tokens, ragged: row b holds lengths[b] tokens, the rest of it is padding on the right, whose outputs mean
// nothing. What book-keeping needs lies in host memory, so that no call waits for the device.
struct LanguageModelInputs {
  at::Tensor input_ids;          // [B,T] int64, or undefined when inputs_embeds is given
  at::Tensor inputs_embeds;      // [B,T,d_e], as embed() makes them: visual tokens, soft prompts
  std::vector<int64_t> lengths;  // B of 0..T; empty: all T
  at::Tensor positions;          // [B,T] int64 of the rotary or learned embedding; undefined: they follow the cache
  std::vector<int64_t> rows;     // of the cache, one a row, none twice; empty: all, in order
  // [B,T], 0 hides a token as a key: padding on the left, as transformers has it. Without a cache only; slower than
  // `lengths`, which padding on the right needs.
  at::Tensor attention_mask;
  // [sequences] int64 on the device: tokens stored in each row of the cache, in place of the cache's own count, which
  // the caller keeps (models/language/decode.h). Then T is 1, all rows take part, and nothing of the above is given: no
  // call waits for the device or reads a count on the host, so that it can be captured into a CUDA graph.
  at::Tensor stored;
};

class LanguageModel : public Model {
 public:
  using Model::Model;
  virtual const LanguageModelConfig& config() const = 0;
  // On the device of the weights, in their type. sequences >= 1, capacity >= 1 tokens each.
  virtual std::unique_ptr<KvCache> make_cache(int64_t sequences, int64_t capacity) const = 0;
  // [B,T] -> [B,T,d_e]: rows of the embedding, without positions. d_e is hidden_size, except in OPT-350m.
  virtual at::Tensor embed(const at::Tensor& input_ids) = 0;
  // [B,T,d_e], after the final norm: what the output layer reads. cache null: training, or a whole sequence at once.
  // Else the T tokens follow what each row of the cache holds: prefill, a further piece of a prompt (both T > 1),
  // decode (T = 1). After an error the cache holds what it held.
  virtual at::Tensor hidden_states(const LanguageModelInputs& inputs, KvCache* cache, const Pass& pass) = 0;
  // The output layer, weight [V,d_e]; undefined weight: the checkpoint has none. Losses fuse it with the softmax
  // (models/language/likelihood.h) and never store logits whole.
  virtual Linear head() const = 0;
  // [...,d_e] -> [...,V].
  at::Tensor logits(const at::Tensor& hidden) const { return head()(hidden); }
};

}  // namespace frugal
