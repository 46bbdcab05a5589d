// Multi-head latent attention (DeepSeek-AI, 2024, "DeepSeek-V2", 2.1): keys and values of all heads come from one
// latent of a token, beside one rotary key; a cache stores just these.
#pragma once

#include <memory>
#include <optional>

#include "models/language/attention.h"
#include "models/nn/layers.h"

namespace frugal {

struct LatentAttentionSpec {
  int64_t heads = 0;
  int64_t nope = 0, rope = 0, value = 0;  // of a head: d_n without positions, d_r (even) that turns, d_v
  std::shared_ptr<const Rotary> rotary;   // of dim d_r
  std::optional<double> scale;            // of the scores; null: (d_n + d_r)^-0.5
  std::optional<int64_t> window;          // tokens that a query sees; null: all before it
  double dropout = 0;                     // of the probabilities, in training
};

// The names are the checkpoints'. d: hidden size, H heads.
struct LatentProjections {
  Linear q_a;  // [r_q,d]; undefined weight: queries are not compressed, q_b reads x
  std::optional<RmsNorm> q_a_norm;
  Linear q_b;                        // [H (d_n+d_r), r_q]; rows of a head: d_n, then d_r
  Linear kv_a;                       // [r_kv+d_r, d]: latent, then rotary key
  std::optional<RmsNorm> kv_a_norm;  // of the latent only
  Linear kv_b;                       // [H (d_n+d_v), r_kv]; rows of a head: key, then value; no bias
  Linear output;                     // [d, H d_v]
};

class LatentAttention final : public Attention {
 public:
  LatentAttention(int64_t layer, LatentAttentionSpec spec, LatentProjections projections);
  // One slot, latent [r_kv+d_r]: the latent after its norm, then the key after rotation (half-split order).
  std::vector<CacheSlot> cache_slots() const override;
  // Without a cache, and for the first piece of every row: keys and values of all heads are made (expanded form). Else
  // the up-projections are absorbed by queries and outputs (latent_core.h; latent_decode for lengths on the device).
  // Hook point query sees the up-projected queries, key the output of kv_a, both before norm and rotation.
  at::Tensor forward(const at::Tensor& x, TokenContext& context) override;

  const LatentAttentionSpec& spec() const { return spec_; }
  const LatentProjections& projections() const { return parts_; }
  int64_t kv_rank() const { return parts_.kv_b.weight.size(1); }
  double scale() const;

 private:
  // q [B,T,H,d_n+d_r], turned; fresh [B,T,r_kv+d_r]: what the new tokens add to the cache -> [B,T,H,d_v]
  at::Tensor attend_to(const at::Tensor& q, const at::Tensor& fresh, TokenContext& context) const;
  // latents [B,S,r_kv+d_r] -> [B,T,H,d_v]
  at::Tensor expanded(const at::Tensor& q, const at::Tensor& latents, TokenContext& context) const;
  // Rows of each head's up-projection, [H,count,r_kv].
  at::Tensor up(int64_t first, int64_t count) const;
  // q -> q_n W_UK [B,T,H,r_kv]; o [B,T,H,r_kv] -> o W_UV^T [B,T,H,d_v]: the up-projections absorbed.
  at::Tensor absorbed_queries(const at::Tensor& q) const;
  at::Tensor values_of(const at::Tensor& o) const;

  LatentAttentionSpec spec_;
  LatentProjections parts_;
};

}  // namespace frugal
