#include "models/language/grouped_attention.h"

#include <cmath>

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
  return {{"key", shape, type}, {"value", shape, type}};
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
  k = context.extend(layer(), 0, k);
  v = context.extend(layer(), 1, v);
  const double dropout = pass.training ? spec_.dropout : 0;
  const at::Tensor o = attend(q, k, v, context.visibility(spec_.window, q.scalar_type()),
                              1 / std::sqrt(static_cast<double>(spec_.head_size)), dropout,
                              pass.site_key(DropoutSite::kAttention, layer()));
  return output_(o.reshape({context.batch(), context.tokens(), spec_.heads * spec_.head_size}));
}

}  // namespace frugal
