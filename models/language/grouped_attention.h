// Multi-head attention with shared keys and values (grouped-query attention, Ainslie et al., 2023; one group a head is
// multi-head attention), rotary where positions are rotary.
#pragma once

#include <memory>
#include <optional>

#include "models/language/attention.h"
#include "models/language/kv_codec.h"
#include "models/nn/layers.h"

namespace frugal {

struct GroupedAttentionSpec {
  int64_t heads = 0, kv_heads = 0, head_size = 0;
  std::optional<int64_t> window;         // tokens that a query sees; null: all before it
  std::shared_ptr<const Rotary> rotary;  // null: none
  double dropout = 0;                    // of the probabilities, in training
  std::shared_ptr<const KvCodec> codec;  // of keys and values, also without a cache; null: as they are
};

class GroupedAttention final : public Attention {
 public:
  GroupedAttention(int64_t layer, GroupedAttentionSpec spec, Linear query, Linear key, Linear value, Linear output);
  // key [Hkv,dh], after rotation, and value [Hkv,dh]; or what the codec makes of each.
  std::vector<CacheSlot> cache_slots() const override;
  at::Tensor forward(const at::Tensor& x, TokenContext& context) override;
  // Hook points query, key and value see the projections before rotation.
  const GroupedAttentionSpec& spec() const { return spec_; }
  const Linear& query() const { return query_; }
  const Linear& key() const { return key_; }
  const Linear& value() const { return value_; }
  const Linear& output() const { return output_; }

 private:
  // q [B,T,H,dh], k and v [B,T,Hkv,dh] of the new tokens -> [B,T,H,dh], T squeezed in a step on the device.
  at::Tensor attend_to(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, TokenContext& context) const;
  // All that the cache holds, with x behind it; `slot` is the first of the tensor's.
  at::Tensor stored(const at::Tensor& x, int64_t slot, TokenContext& context) const;

  GroupedAttentionSpec spec_;
  Linear query_, key_, value_, output_;
};

}  // namespace frugal
