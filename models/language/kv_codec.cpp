#include "models/language/kv_codec.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include "models/nn/scalar_types.h"

namespace frugal {

std::vector<CacheSlot> IntegerCodec::slots(const std::string& name, const std::vector<int64_t>& shape,
                                           at::ScalarType type) const {
  std::vector<int64_t> codes = shape, groups = shape;
  codes.back() = shape.back() * bits_ / 8;
  groups.back() = shape.back() / group_;
  return {{name + "_codes", codes, at::kByte}, {name + "_step", groups, type}, {name + "_least", groups, type}};
}

std::vector<at::Tensor> IntegerCodec::encode(const at::Tensor& x) const {
  const at::ScalarType type = x.scalar_type(), wide = wide_type(type);
  const auto most = static_cast<double>((1 << bits_) - 1);
  const at::Tensor groups = x.to(wide).unflatten(-1, {x.size(-1) / group_, group_});
  // Codes are those of the step and the least number as they are stored, rounded.
  const at::Tensor least = groups.amin({-1}).to(type), step = ((groups.amax({-1}) - least.to(wide)) / most).to(type);
  const at::Tensor divisor = at::where(step == 0, at::ones_like(step), step).to(wide).unsqueeze(-1);
  at::Tensor codes =
      ((groups - least.to(wide).unsqueeze(-1)) / divisor).round().clamp(0, most).to(at::kByte).flatten(-2);
  if (bits_ == 4) codes = codes.slice(-1, 0, std::nullopt, 2) + codes.slice(-1, 1, std::nullopt, 2) * 16;
  return {codes, step, least};
}

at::Tensor IntegerCodec::decode(const std::vector<at::Tensor>& stored) const {
  const at::ScalarType type = stored[1].scalar_type(), wide = wide_type(type);
  at::Tensor codes = stored[0];
  if (bits_ == 4) codes = at::stack({codes.bitwise_and(15), codes.bitwise_right_shift(4)}, -1).flatten(-2);
  const at::Tensor groups = codes.to(wide).unflatten(-1, {stored[1].size(-1), group_});
  return (groups * stored[1].to(wide).unsqueeze(-1) + stored[2].to(wide).unsqueeze(-1)).flatten(-2).to(type);
}

}  // namespace frugal
