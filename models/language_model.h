// Decoder language models: Llama, Mistral, Qwen2, OPT, and what methods make of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "models/model.h"

namespace frugal {

struct LanguageModelConfig {
  int64_t layers = 0, hidden_size = 0, heads = 0, kv_heads = 0, head_size = 0, vocabulary = 0, max_positions = 0;
};

// Keys and values (or latents) of B sequences of unequal length. The model that makes it knows its layout.
class KvCache {
 public:
  virtual ~KvCache() = default;
  virtual int64_t length(int64_t sequence) const = 0;           // tokens stored
  virtual void truncate(int64_t sequence, int64_t length) = 0;  // forgets what lies past `length`
  // Makes `to` share the first `length` tokens of `from`: prompts with a common prefix compute it once.
  virtual void fork(int64_t from, int64_t to, int64_t length) = 0;
  virtual int64_t bytes() const = 0;  // of all stored tokens, exact
};

// Rows are ragged: row b holds lengths[b] valid tokens, the rest is padding on the right.
struct LanguageModelInputs {
  at::Tensor input_ids;      // [B,T] int64, or undefined when inputs_embeds is given
  at::Tensor inputs_embeds;  // [B,T,d]: visual tokens, soft prompts
  at::Tensor lengths;        // [B] int64; undefined means all T
  at::Tensor positions;      // [B,T] int64; undefined means they follow the cache
};

class LanguageModel : public Model {
 public:
  using Model::Model;
  virtual const LanguageModelConfig& config() const = 0;
  virtual std::unique_ptr<KvCache> make_cache(int64_t sequences, int64_t capacity) const = 0;
  virtual at::Tensor embed(const at::Tensor& input_ids) = 0;
  // Prefill (T > 1), decode (T = 1) and training (cache null): [B,T,d], after the final norm.
  virtual at::Tensor hidden_states(const LanguageModelInputs& inputs, KvCache* cache, const Pass& pass) = 0;
  // [...,d] -> [...,V]. Losses fuse this with the softmax and never store logits whole.
  virtual at::Tensor logits(const at::Tensor& hidden) = 0;
};

}  // namespace frugal
