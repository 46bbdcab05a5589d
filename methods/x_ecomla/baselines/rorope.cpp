#include "methods/x_ecomla/baselines/rorope.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace frugal::x_ecomla {
namespace {

// A group's channels in the order of the authors' code: offset within a collapsed step, head, step.
struct Channels {
  const KeyShape& s;
  int64_t steps() const { return s.freqfold / s.collapse; }
  int64_t count() const { return s.kv_heads * s.freqfold; }
  int64_t step(int64_t channel) const { return channel % steps(); }
  int64_t block(int64_t channel) const { return channel / steps(); }  // offset and head

  // Row of the base's keys: of the frequency's pair, first or second half.
  int64_t base_row(int64_t group, int64_t half, int64_t channel) const {
    const int64_t offset = block(channel) / s.kv_heads, head = block(channel) % s.kv_heads;
    const int64_t frequency = group * s.freqfold + step(channel) * s.collapse + offset;
    return head * s.head + half * s.head / 2 + frequency;
  }
  // Row of the rotated keys: blocks of d_r, in them interleaved pairs by group and step.
  int64_t new_row(int64_t group, int64_t half, int64_t component) const {
    return ((block(component) * s.groups() + group) * steps() + step(component)) * 2 + half;
  }
};

}  // namespace

at::Tensor rorope(const at::Tensor& moment, const KeyShape& shape) {
  const Channels channels{shape};
  at::Tensor rotation = at::zeros_like(moment);
  for (int64_t group = 0; group < shape.groups(); ++group) {
    at::Tensor base[2], made[2], gram;
    for (int64_t half = 0; half < 2; ++half) {
      std::vector<int64_t> from, to;
      for (int64_t c = 0; c < channels.count(); ++c) {
        from.push_back(channels.base_row(group, half, c));
        to.push_back(channels.new_row(group, half, c));
      }
      base[half] = at::tensor(from, at::kLong).to(moment.device());
      made[half] = at::tensor(to, at::kLong).to(moment.device());
      const at::Tensor part = moment.index_select(0, base[half]).index_select(1, base[half]);
      gram = gram.defined() ? gram + part : part;
    }
    const at::Tensor components = std::get<1>(at::linalg_eigh(gram)).flip(1);
    for (int64_t half = 0; half < 2; ++half) {
      at::Tensor rows = at::zeros({channels.count(), shape.width()}, moment.options());
      rows.index_copy_(1, made[half], components);
      rotation.index_copy_(0, base[half], rows);
    }
  }
  return rotation;
}

std::vector<int64_t> collapsed_pairs(const KeyShape& shape) {
  std::vector<int64_t> pairs;
  for (int64_t j = 0; j < shape.rope() / 2; ++j) pairs.push_back(j * shape.collapse);
  return pairs;
}

}  // namespace frugal::x_ecomla
