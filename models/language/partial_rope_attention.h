// Attention whose key heads turn in a part of their width, while the rest of keys and all values come from a latent of
// the token (MHA2MLA, arXiv 2502.14837). Key heads stay shared by groups of query heads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/language/attention.h"
#include "models/language/partial_rope_config.h"
#include "models/nn/layers.h"
#include "models/nn/weights.h"

namespace frugal {

struct PartialRopeSpec {
  int64_t heads = 0, kv_heads = 0, head_size = 0;
  HeadPairs pairs;                       // of the key heads; a query head has those of its key head
  std::shared_ptr<const Rotary> rotary;  // of whole heads, of which the pairs take their frequencies
  std::optional<int64_t> window;         // tokens that a query sees; null: all before it
  double dropout = 0;                    // of the probabilities, in training

  int64_t rope() const { return pairs.empty() ? 0 : 2 * static_cast<int64_t>(pairs.front().size()); }  // r
  int64_t nope() const { return head_size - rope(); }
};

// The names are the checkpoints' below `self_attn.`. d: hidden size, H heads, Hkv key heads.
struct PartialRopeProjections {
  Linear query;                 // q_proj [H d_h, d]: the r rows that turn of all heads, then the others of all heads
  Linear key_rope;              // k_r_proj [Hkv r, d]
  Linear down_key, down_value;  // kv_proj.down_kv [m,d], then down_value is undefined; or down_k, down_v [m,d] each
  Linear up_key, up_value;      // kv_proj.up_k [Hkv (d_h-r), m], undefined where r is d_h; kv_proj.up_v [Hkv d_h, m]
  Linear output;                // o_proj
};

class PartialRopeAttention final : public Attention {
 public:
  PartialRopeAttention(int64_t layer, PartialRopeSpec spec, PartialRopeProjections projections);
  // One slot, latent [m + Hkv r] (split: 2 m): the latents, then the keys of all heads after rotation.
  std::vector<CacheSlot> cache_slots() const override;
  // Keys and values of all heads are made without a cache and for the first piece of every row; else the up-projections
  // are absorbed by queries and outputs: then a head's query is one of latent attention whose rotary key is that of all
  // heads side by side, with zeros beside its own (latent_core.h; latent_decode for lengths on the device). Hook points
  // query, key, value see the query projection, k_r_proj's output and the latents, before rotation.
  at::Tensor forward(const at::Tensor& x, TokenContext& context) override;

  const PartialRopeSpec& spec() const { return spec_; }
  const PartialRopeProjections& projections() const { return parts_; }

 private:
  bool joint() const { return !parts_.down_value.weight.defined(); }
  int64_t rank() const { return parts_.up_value.weight.size(1); }        // m
  int64_t latent() const { return joint() ? rank() : 2 * rank(); }       // numbers of a token's latents
  at::Tensor value_latent(const at::Tensor& latents) const;              // [...,latent()] -> [...,m]
  RotaryTable angles(TokenContext& context, at::ScalarType type) const;  // [B,T,Hkv,r/2]
  at::Tensor up(const at::Tensor& weight) const;                         // [Hkv a, m] -> [H,a,m]
  // q_r [B,T,H,r], turned, q_c [B,T,H,d_h-r]; stored [B,S,latent() + Hkv r] -> [B,T,H,d_h]
  at::Tensor expanded(const at::Tensor& q_r, const at::Tensor& q_c, const at::Tensor& stored,
                      TokenContext& context) const;
  // Queries of the absorbed form: [B,T,H,latent()] and [B,T,H,Hkv r].
  at::Tensor absorbed(const at::Tensor& q_c) const;
  at::Tensor side_by_side(const at::Tensor& q_r) const;

  PartialRopeSpec spec_;
  PartialRopeProjections parts_;
  // Where and in which type the last call was, so that the next one waits for no transfer.
  mutable at::Tensor flat_pairs_;  // [Hkv r/2] int64
  mutable at::Tensor own_slot_;    // [1,1,H,Hkv,1], 1 at a query head's key head
};

// Such an attention from a checkpoint's tensors. rotary: of whole heads. `take` gives the parameter of this name,
// shape.
std::unique_ptr<PartialRopeAttention> make_partial_rope(
    int64_t layer, const PartialRopeConfig& config, const LlamaConfig& base, std::shared_ptr<const Rotary> rotary,
    const std::function<at::Tensor(const std::string& name, at::IntArrayRef shape, Init init)>& take);

}  // namespace frugal
