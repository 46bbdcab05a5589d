// The attention of one decoder layer behind a small interface, so that a method can put another kind in its place,
// layer by layer (multi-head latent attention, for one); and what all layers share in one call.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "models/language/kv_cache.h"
#include "models/language/rotary.h"
#include "models/language_model.h"

namespace frugal {

// Which keys the queries of a call see.
struct Visibility {
  bool causal = false;  // query t sees keys 0..t, and nothing else needs to be said
  at::Tensor additive;  // [1 or B,1,T,S]: 0 where visible, else -inf. Undefined and not causal: every query sees all
};

// One new token a sequence, counted on the device (LanguageModelInputs::stored).
struct DeviceStep {
  at::Tensor lengths;   // [sequences] int64, the new token included: what latent_decode and grouped_decode take
  at::Tensor places;    // [sequences] int64, of the new token in a table seen as [sequences * capacity]
  int64_t longest = 0;  // the cache's capacity
};

// One call of the model: who is where, who sees what, computed once and shared by the layers.
class TokenContext {
 public:
  // batch B and tokens T of the call. Error(kUsage, "bad_inputs") for lengths or masks that do not fit.
  TokenContext(const LanguageModelInputs& inputs, int64_t batch, int64_t tokens, at::Device device, KvCache* cache,
               const Pass& pass, const Hooks& hooks);

  int64_t batch() const { return batch_; }
  int64_t tokens() const { return tokens_; }
  const Pass& pass() const { return pass_; }
  const Hooks& hooks() const { return hooks_; }
  // No row held tokens before this call, so that it sees only its own; always so without a cache.
  bool from_start() const;
  // [B,T] int64: as given, else counted from what the cache holds.
  const at::Tensor& positions() const { return positions_; }
  // The same counted among the tokens that the attention mask shows, -1 where it hides: OPT's positions.
  at::Tensor visible_positions() const;
  // Error(kBadData, "sequence_too_long") where a token stands at `most` or beyond: learned positions end there.
  void check_positions(int64_t most) const;
  const RotaryTable& rotary(const Rotary& rotary, at::ScalarType type);
  // window: keys that a query sees, itself included; null: all before it.
  const Visibility& visibility(std::optional<int64_t> window, at::ScalarType type);
  // Puts the layer's new values [B,T,...slot] behind what the cache holds and returns all, [B,S,...slot]; without a
  // cache the values themselves.
  at::Tensor extend(int64_t layer, int64_t slot, const at::Tensor& values);
  // What a call whose lengths lie on the device has in place of visibility and extend; null in other calls. An
  // attention that does not ask gets Error(kUsage, "unsupported_decode") from those two.
  const DeviceStep* step() const { return step_ ? &*step_ : nullptr; }
  // Puts the layer's new values [B,1,...slot] where step() says and returns the whole table, [B,capacity,...slot].
  const at::Tensor& append(int64_t layer, int64_t slot, const at::Tensor& values);
  // After the last layer.
  void commit();

 private:
  int64_t keys() const { return cache_ ? span_.end : tokens_; }
  at::Tensor visible(std::optional<int64_t> window) const;
  void begin_step(const LanguageModelInputs& inputs);
  void refuse_step() const;

  int64_t batch_, tokens_;
  at::Device device_;
  KvCache* cache_;
  const Pass& pass_;
  const Hooks& hooks_;
  CacheSpan span_;
  std::optional<DeviceStep> step_;
  at::Tensor positions_, attention_mask_;
  bool positions_given_ = false;
  std::map<std::pair<const Rotary*, at::ScalarType>, RotaryTable> rotary_;
  std::map<std::pair<std::optional<int64_t>, at::ScalarType>, Visibility> visibility_;
};

class Attention {
 public:
  explicit Attention(int64_t layer) : layer_(layer) {}
  virtual ~Attention() = default;
  Attention(const Attention&) = delete;
  Attention& operator=(const Attention&) = delete;
  // What a cache stores of one token for this layer, in the order of the slots' numbers.
  virtual std::vector<CacheSlot> cache_slots() const = 0;
  // x [B,T,d], after the layer's norm -> [B,T,d], after the output projection.
  virtual at::Tensor forward(const at::Tensor& x, TokenContext& context) = 0;

 protected:
  int64_t layer() const { return layer_; }

 private:
  int64_t layer_;
};

// softmax(Q K^T * scale, over the visible keys) V. q [B,T,H,dh], k [B,S,Hkv,dh], v [B,S,Hkv,dv] -> [B,T,H,dv]; query
// head h reads key head h / (H / Hkv). dropout: of the probabilities, drawn from `key` (models/nn/dropout.h).
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Visibility& visibility,
                  double scale, double dropout = 0, uint64_t key = 0);

}  // namespace frugal
