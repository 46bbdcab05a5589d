#include "models/language/latent_attention.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>

#include <algorithm>
#include <cmath>

#include "models/language/latent_core.h"
#include "models/nn/kernels/latent_decode.h"

namespace frugal {
namespace {

at::Tensor padded(const at::Tensor& x, int64_t width) {
  return x.size(-1) == width ? x : at::constant_pad_nd(x, {0, width - x.size(-1)});
}

}  // namespace

LatentAttention::LatentAttention(int64_t layer, LatentAttentionSpec spec, LatentProjections projections)
    : Attention(layer), spec_(std::move(spec)), parts_(std::move(projections)) {}

std::vector<CacheSlot> LatentAttention::cache_slots() const {
  return {{"latent", {kv_rank() + spec_.rope}, parts_.kv_a.weight.scalar_type()}};
}

double LatentAttention::scale() const {
  return spec_.scale.value_or(1 / std::sqrt(static_cast<double>(spec_.nope + spec_.rope)));
}

at::Tensor LatentAttention::forward(const at::Tensor& x, TokenContext& context) {
  const Pass& pass = context.pass();
  const int64_t batch = context.batch(), tokens = context.tokens(), rank = kv_rank();
  at::Tensor cq = parts_.q_a.weight.defined() ? parts_.q_a(x) : x;
  if (parts_.q_a_norm) cq = (*parts_.q_a_norm)(cq);
  const at::Tensor q = context.hooks()
                           .run(HookPoint::kQuery, layer(), x, parts_.q_b(cq), pass)
                           .view({batch, tokens, spec_.heads, spec_.nope + spec_.rope});
  const at::Tensor z = context.hooks().run(HookPoint::kKey, layer(), x, parts_.kv_a(x), pass);
  at::Tensor c = z.narrow(2, 0, rank);
  if (parts_.kv_a_norm) c = (*parts_.kv_a_norm)(c);
  const RotaryTable& table = context.rotary(*spec_.rotary, q.scalar_type());
  const at::Tensor key = rotate_interleaved(z.narrow(2, rank, spec_.rope).unsqueeze(2), table).squeeze(2);
  const at::Tensor turned =
      at::cat({q.narrow(3, 0, spec_.nope), rotate_interleaved(q.narrow(3, spec_.nope, spec_.rope), table)}, -1);
  const at::Tensor o = attend_to(turned, at::cat({c, key}, -1), context);
  return parts_.output(o.reshape({batch, tokens, spec_.heads * spec_.value}));
}

at::Tensor LatentAttention::attend_to(const at::Tensor& q, const at::Tensor& fresh, TokenContext& context) const {
  const DeviceStep* step = context.step();
  if (step != nullptr && spec_.window.value_or(step->longest) >= step->longest) {
    const at::Tensor o = latent_decode(absorbed_queries(q).squeeze(1), q.narrow(3, spec_.nope, spec_.rope).squeeze(1),
                                       context.append(layer(), 0, fresh), step->lengths, {}, scale(), step->longest);
    return values_of(o.unsqueeze(1));
  }
  const at::Tensor latents = context.extend(layer(), 0, fresh);
  if (context.from_start()) return expanded(q, latents, context);
  return values_of(attend_latents(absorbed_queries(q), q.narrow(3, spec_.nope, spec_.rope), latents,
                                  context.visibility(spec_.window, q.scalar_type()), scale()));
}

at::Tensor LatentAttention::expanded(const at::Tensor& q, const at::Tensor& latents, TokenContext& context) const {
  const Pass& pass = context.pass();
  const int64_t batch = latents.size(0), keys = latents.size(1), rank = kv_rank();
  const at::Tensor kv =
      parts_.kv_b(latents.narrow(2, 0, rank)).view({batch, keys, spec_.heads, spec_.nope + spec_.value});
  const at::Tensor shared = latents.narrow(2, rank, spec_.rope).unsqueeze(2).expand({-1, -1, spec_.heads, -1});
  // Fused kernels want keys and values of one width.
  const int64_t width = std::max(spec_.nope + spec_.rope, spec_.value);
  const at::Tensor k = padded(at::cat({kv.narrow(3, 0, spec_.nope), shared}, -1), width);
  const at::Tensor v = padded(kv.narrow(3, spec_.nope, spec_.value), width);
  return attend(padded(q, width), k, v, context.visibility(spec_.window, q.scalar_type()), scale(),
                pass.training ? spec_.dropout : 0, pass.site_key(DropoutSite::kAttention, layer()))
      .narrow(3, 0, spec_.value);
}

at::Tensor LatentAttention::up(int64_t first, int64_t count) const {
  return parts_.kv_b.weight.view({spec_.heads, spec_.nope + spec_.value, kv_rank()}).narrow(1, first, count);
}

at::Tensor LatentAttention::absorbed_queries(const at::Tensor& q) const {
  return by_head(q.narrow(3, 0, spec_.nope), up(0, spec_.nope));
}

at::Tensor LatentAttention::values_of(const at::Tensor& o) const {
  return by_head(o, up(spec_.nope, spec_.value).transpose(1, 2));
}

}  // namespace frugal
