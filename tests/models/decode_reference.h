// Decode attention as its definition says, in fp64 over whole tables, and random cases of it.
#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <limits>
#include <vector>

namespace frugal::testing {

inline at::Tensor random_tensor(at::IntArrayRef shape, uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randn(shape, generator, at::kDouble);
}

struct DecodeResult {
  at::Tensor output;     // [B,H,dv] fp64
  at::Tensor magnitude;  // sum of p |v|: what roundings of p are relative to
};

// query [B,H,dk], keys [B,S,dk] and values [B,S,dv] fp64, lengths [B]: every head reads the same tokens.
inline DecodeResult decode_reference(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                                     const at::Tensor& lengths, double scale) {
  const at::Tensor valid = at::arange(keys.size(1)).unsqueeze(0) < lengths.unsqueeze(1);
  const auto visible = [&](const at::Tensor& x) {
    return at::where(valid.unsqueeze(2), x, at::zeros({1, 1, 1}, at::kDouble));
  };
  const at::Tensor scores = at::matmul(query, visible(keys).transpose(1, 2)) * scale;
  const at::Tensor hidden =
      scores.masked_fill(valid.logical_not().unsqueeze(1), -std::numeric_limits<double>::infinity());
  const at::Tensor p = at::softmax(hidden, -1).nan_to_num(0);  // a row of no tokens
  return {at::matmul(p, visible(values)), at::matmul(p, visible(values).abs())};
}

// NaN where nothing is stored: it must not leak.
inline void spoil_unused(at::Tensor& table, const at::Tensor& lengths) {
  for (int64_t row = 0; row < table.size(0); ++row)
    table[row]
        .narrow(0, lengths[row].item<int64_t>(), table.size(1) - lengths[row].item<int64_t>())
        .fill_(std::numeric_limits<double>::quiet_NaN());
}

// Rows of these lengths in turns.
inline at::Tensor lengths_in_turns(const std::vector<int64_t>& lengths, int64_t rows) {
  at::Tensor out = at::zeros({rows}, at::kLong);
  for (int64_t i = 0; i < rows; ++i) out[i] = lengths[static_cast<size_t>(i) % lengths.size()];
  return out;
}

struct LatentCase {
  at::Tensor query_latent, query_rope, table, lengths;  // fp64
  double scale;

  LatentCase(int64_t batch, int64_t heads, int64_t rank, int64_t rope, const std::vector<int64_t>& row_lengths,
             int64_t capacity, uint64_t seed = 1)
      : query_latent(random_tensor({batch, heads, rank}, seed) * 2),
        query_rope(random_tensor({batch, heads, rope}, seed + 1) * 2),
        table(random_tensor({batch, capacity, rank + rope}, seed + 2)),
        lengths(lengths_in_turns(row_lengths, batch)),
        scale(1 / std::sqrt(static_cast<double>(rank + rope))) {
    spoil_unused(table, lengths);
  }
  void round_to(at::ScalarType type) {
    for (at::Tensor* x : {&query_latent, &query_rope, &table}) *x = x->to(type).to(at::kDouble);
  }
  DecodeResult reference() const {
    return decode_reference(at::cat({query_latent, query_rope}, 2), table, table.narrow(2, 0, query_latent.size(2)),
                            lengths, scale);
  }
};

struct GroupedCase {
  at::Tensor query, keys, values, lengths;  // fp64
  double scale;

  GroupedCase(int64_t batch, int64_t heads, int64_t kv_heads, int64_t size, const std::vector<int64_t>& row_lengths,
              int64_t capacity, uint64_t seed = 1)
      : query(random_tensor({batch, heads, size}, seed) * 2),
        keys(random_tensor({batch, capacity, kv_heads, size}, seed + 1)),
        values(random_tensor({batch, capacity, kv_heads, size}, seed + 2)),
        lengths(lengths_in_turns(row_lengths, batch)),
        scale(1 / std::sqrt(static_cast<double>(size))) {
    spoil_unused(keys, lengths);
    spoil_unused(values, lengths);
  }
  void round_to(at::ScalarType type) {
    for (at::Tensor* x : {&query, &keys, &values}) *x = x->to(type).to(at::kDouble);
  }
  DecodeResult reference() const {
    std::vector<at::Tensor> output, magnitude;
    const int64_t group = query.size(1) / keys.size(2);
    for (int64_t g = 0; g < keys.size(2); ++g) {
      const DecodeResult one =
          decode_reference(query.narrow(1, g * group, group), keys.select(2, g), values.select(2, g), lengths, scale);
      output.push_back(one.output);
      magnitude.push_back(one.magnitude);
    }
    return {at::cat(output, 1), at::cat(magnitude, 1)};
  }
};

}  // namespace frugal::testing
