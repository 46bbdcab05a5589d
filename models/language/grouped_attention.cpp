#include "models/language/grouped_attention.h"

#include <cmath>

#include "models/nn/kernels/grouped_decode.h"

namespace frugal {

GroupedAttention::GroupedAttention(int64_t layer, GroupedAttentionSpec spec, Linear query, Linear key, Linear value,
                                   Linear output)
    : Attention(layer),
      spec_(std::move(spec)),
      query_(std::move(query)),
      key_(std::move(key)),
      value_(std::move(value)),
      output_(std::move(output)) {}

std::vector<CacheSlot> GroupedAttention::cache_slots() const {
  const std::vector<int64_t> shape = {spec_.kv_heads, spec_.head_size};
  const at::ScalarType type = key_.weight.scalar_type();
  if (!spec_.codec) return {{"key", shape, type}, {"value", shape, type}};
  std::vector<CacheSlot> slots = spec_.codec->slots("key", shape, type);
  for (CacheSlot& slot : spec_.codec->slots("value", shape, type)) slots.push_back(std::move(slot));
  return slots;
}

at::Tensor GroupedAttention::stored(const at::Tensor& x, int64_t slot, TokenContext& context) const {
  if (!spec_.codec) return context.extend(layer(), slot, x);
  std::vector<at::Tensor> parts = spec_.codec->encode(x);
  const int64_t first = slot * static_cast<int64_t>(parts.size());
  for (size_t i = 0; i < parts.size(); ++i)
    parts[i] = context.extend(layer(), first + static_cast<int64_t>(i), parts[i]);
  return spec_.codec->decode(parts);
}

at::Tensor GroupedAttention::forward(const at::Tensor& x, TokenContext& context) {
  const Pass& pass = context.pass();
  const auto project = [&](const Linear& linear, HookPoint point, int64_t heads) {
    return context.hooks()
        .run(point, layer(), x, linear(x), pass)
        .view({context.batch(), context.tokens(), heads, spec_.head_size});
  };
  at::Tensor q = project(query_, HookPoint::kQuery, spec_.heads);
  at::Tensor k = project(key_, HookPoint::kKey, spec_.kv_heads);
  at::Tensor v = project(value_, HookPoint::kValue, spec_.kv_heads);
  if (spec_.rotary) {
    const RotaryTable& table = context.rotary(*spec_.rotary, q.scalar_type());
    q = rotate(q, table);
    k = rotate(k, table);
  }
  const at::Tensor o = attend_to(q, k, v, context);
  return output_(o.reshape({context.batch(), context.tokens(), spec_.heads * spec_.head_size}));
}

at::Tensor GroupedAttention::attend_to(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                       TokenContext& context) const {
  const double scale = 1 / std::sqrt(static_cast<double>(spec_.head_size));
  const DeviceStep* step = context.step();
  if (step != nullptr && !spec_.codec && spec_.window.value_or(step->longest) >= step->longest)
    return grouped_decode(q.squeeze(1), context.append(layer(), 0, k), context.append(layer(), 1, v), step->lengths, {},
                          scale, step->longest);
  const at::Tensor keys = stored(k, 0, context), values = stored(v, 1, context);
  const Pass& pass = context.pass();
  return attend(q, keys, values, context.visibility(spec_.window, q.scalar_type()), scale,
                pass.training ? spec_.dropout : 0, pass.site_key(DropoutSite::kAttention, layer()));
}

}  // namespace frugal
