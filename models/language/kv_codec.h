// How keys and values are stored in a cache, where it is not as they are.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/language/kv_cache.h"

namespace frugal {

// A token's code depends on that token alone, so that a cache changes nothing but where the numbers lie.
class KvCodec {
 public:
  virtual ~KvCodec() = default;
  // What is stored of a token's tensor of this shape and type.
  virtual std::vector<CacheSlot> slots(const std::string& name, const std::vector<int64_t>& shape,
                                       at::ScalarType type) const = 0;
  // x [B,T,...shape] -> one tensor a slot, [B,T,...slot].
  virtual std::vector<at::Tensor> encode(const at::Tensor& x) const = 0;
  // [B,S,...slot] -> [B,S,...shape], in the type that was encoded.
  virtual at::Tensor decode(const std::vector<at::Tensor>& stored) const = 0;
};

// Integers of 8 or 4 bits between the least and the largest number of a group: x = code * step + least; step and least
// are stored in the type of x. The last dimension is cut into groups.
class IntegerCodec final : public KvCodec {
 public:
  // bits: 4 or 8. group: a divisor of the last dimension, even for 4 bits.
  IntegerCodec(int64_t bits, int64_t group) : bits_(bits), group_(group) {}
  std::vector<CacheSlot> slots(const std::string& name, const std::vector<int64_t>& shape,
                               at::ScalarType type) const override;
  std::vector<at::Tensor> encode(const at::Tensor& x) const override;
  at::Tensor decode(const std::vector<at::Tensor>& stored) const override;

 private:
  int64_t bits_, group_;
};

}  // namespace frugal
