#include "models/language/partial_rope_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "core/error.h"
#include "models/language/latent_core.h"
#include "models/nn/kernels/latent_decode.h"

namespace frugal {
namespace {

at::Tensor flattened(const HeadPairs& pairs) {
  std::vector<int64_t> flat;
  for (const auto& head : pairs) flat.insert(flat.end(), head.begin(), head.end());
  return at::tensor(flat, at::kLong);
}

}  // namespace

PartialRopeAttention::PartialRopeAttention(int64_t layer, PartialRopeSpec spec, PartialRopeProjections projections)
    : Attention(layer), spec_(std::move(spec)), parts_(std::move(projections)), flat_pairs_(flattened(spec_.pairs)) {
  own_slot_ = at::eye(spec_.kv_heads, at::kFloat)
                  .repeat_interleave(spec_.heads / spec_.kv_heads, 0)
                  .view({1, 1, spec_.heads, spec_.kv_heads, 1});
}

std::vector<CacheSlot> PartialRopeAttention::cache_slots() const {
  return {{"latent", {latent() + spec_.kv_heads * spec_.rope()}, parts_.key_rope.weight.scalar_type()}};
}

at::Tensor PartialRopeAttention::value_latent(const at::Tensor& latents) const {
  return latents.narrow(-1, latent() - rank(), rank());
}

RotaryTable PartialRopeAttention::angles(TokenContext& context, at::ScalarType type) const {
  const RotaryTable& whole = context.rotary(*spec_.rotary, type);
  flat_pairs_ = flat_pairs_.to(whole.cos.device());
  const auto pick = [&](const at::Tensor& table) {
    return table.index_select(-1, flat_pairs_).view({table.size(0), table.size(1), spec_.kv_heads, spec_.rope() / 2});
  };
  return {pick(whole.cos), pick(whole.sin)};
}

at::Tensor PartialRopeAttention::up(const at::Tensor& weight) const {
  return weight.view({spec_.kv_heads, -1, rank()}).repeat_interleave(spec_.heads / spec_.kv_heads, 0);
}

at::Tensor PartialRopeAttention::forward(const at::Tensor& x, TokenContext& context) {
  const int64_t batch = context.batch(), tokens = context.tokens(), r = spec_.rope(), turning = spec_.heads * r;
  const auto observed = [&](HookPoint point, const at::Tensor& made) {
    return context.hooks().run(point, layer(), x, made, context.pass());
  };
  const at::Tensor q = observed(HookPoint::kQuery, parts_.query(x));
  const at::Tensor k = observed(HookPoint::kKey, parts_.key_rope(x)).view({batch, tokens, spec_.kv_heads, r});
  at::Tensor latents = parts_.down_key(x);
  if (!joint()) latents = at::cat({latents, parts_.down_value(x)}, -1);
  latents = observed(HookPoint::kValue, latents);

  const RotaryTable table = angles(context, q.scalar_type());
  const int64_t group = spec_.heads / spec_.kv_heads;
  const at::Tensor q_r = rotate(q.narrow(2, 0, turning).reshape({batch, tokens, spec_.heads, r}),
                                {table.cos.repeat_interleave(group, 2), table.sin.repeat_interleave(group, 2)});
  const at::Tensor q_c = q.narrow(2, turning, q.size(2) - turning).reshape({batch, tokens, spec_.heads, spec_.nope()});
  const at::Tensor fresh = at::cat({latents, rotate(k, table).flatten(2)}, -1);

  const double scale = 1 / std::sqrt(static_cast<double>(spec_.head_size));
  const auto values_of = [&](const at::Tensor& o) {
    return by_head(value_latent(o), up(parts_.up_value.weight).transpose(1, 2));
  };
  at::Tensor o;
  const DeviceStep* step = context.step();
  if (step != nullptr && spec_.window.value_or(step->longest) >= step->longest) {
    o = values_of(latent_decode(absorbed(q_c).squeeze(1), side_by_side(q_r).squeeze(1),
                                context.append(layer(), 0, fresh), step->lengths, {}, scale, step->longest)
                      .unsqueeze(1));
  } else {
    const at::Tensor stored = context.extend(layer(), 0, fresh);
    o = context.from_start() ? expanded(q_r, q_c, stored, context)
                             : values_of(attend_latents(absorbed(q_c), side_by_side(q_r), stored,
                                                        context.visibility(spec_.window, q.scalar_type()), scale));
  }
  return parts_.output(o.reshape({batch, tokens, spec_.heads * spec_.head_size}));
}

at::Tensor PartialRopeAttention::expanded(const at::Tensor& q_r, const at::Tensor& q_c, const at::Tensor& stored,
                                          TokenContext& context) const {
  const Pass& pass = context.pass();
  const std::vector<int64_t> heads = {stored.size(0), stored.size(1), spec_.kv_heads, -1};
  const at::Tensor latents = stored.narrow(2, 0, latent());
  at::Tensor q = q_r, k = stored.narrow(2, latent(), spec_.kv_heads * spec_.rope()).view(heads);
  if (parts_.up_key.weight.defined()) {
    q = at::cat({q, q_c}, -1);
    k = at::cat({k, parts_.up_key(latents.narrow(2, 0, rank())).view(heads)}, -1);
  }
  const at::Tensor v = parts_.up_value(value_latent(latents)).view(heads);
  return attend(q, k, v, context.visibility(spec_.window, q.scalar_type()),
                1 / std::sqrt(static_cast<double>(spec_.head_size)), pass.training ? spec_.dropout : 0,
                pass.site_key(DropoutSite::kAttention, layer()));
}

at::Tensor PartialRopeAttention::absorbed(const at::Tensor& q_c) const {
  if (!parts_.up_key.weight.defined())
    return at::zeros({q_c.size(0), q_c.size(1), spec_.heads, latent()}, parts_.up_value.weight.options());
  const at::Tensor q = by_head(q_c, up(parts_.up_key.weight));
  return joint() ? q : at::constant_pad_nd(q, {0, rank()});
}

at::Tensor PartialRopeAttention::side_by_side(const at::Tensor& q_r) const {
  own_slot_ = own_slot_.to(q_r.options());
  return (q_r.unsqueeze(3) * own_slot_).flatten(3);
}

std::unique_ptr<PartialRopeAttention> make_partial_rope(
    int64_t layer, const PartialRopeConfig& config, const LlamaConfig& base, std::shared_ptr<const Rotary> rotary,
    const std::function<at::Tensor(const std::string& name, at::IntArrayRef shape, Init init)>& take) {
  const int64_t d = base.hidden_size, heads = base.num_attention_heads, kv_heads = base.kv_heads();
  const int64_t head = base.head_size(), r = config.rope_dim_for_mla, m = config.latent(base);
  const auto linear = [&](const char* name, int64_t out, int64_t in) {
    return Linear{.weight = take(cat("model.layers.", layer, ".self_attn.", name, ".weight"), {out, in}, Init::kNormal),
                  .bias = {}};
  };
  PartialRopeProjections parts;
  parts.query = linear("q_proj", heads * head, d);
  parts.key_rope = linear("k_r_proj", kv_heads * r, d);
  if (config.is_joint()) {
    parts.down_key = linear("kv_proj.down_kv", m, d);
  } else {
    parts.down_key = linear("kv_proj.down_k", m, d);
    parts.down_value = linear("kv_proj.down_v", m, d);
  }
  if (r < head) parts.up_key = linear("kv_proj.up_k", kv_heads * (head - r), m);
  parts.up_value = linear("kv_proj.up_v", kv_heads * head, m);
  parts.output = linear("o_proj", d, heads * head);
  return std::make_unique<PartialRopeAttention>(layer,
                                                PartialRopeSpec{.heads = heads,
                                                                .kv_heads = kv_heads,
                                                                .head_size = head,
                                                                .pairs = config.layers.at(layer),
                                                                .rotary = std::move(rotary),
                                                                .window = base.window(layer),
                                                                .dropout = base.attention_dropout},
                                                std::move(parts));
}

}  // namespace frugal
