#include "methods/x_ecomla/targets.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/complex.h>
#include <ATen/ops/imag.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/real.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace frugal::x_ecomla {
namespace {

std::vector<int64_t> range(int64_t first, int64_t end) {
  std::vector<int64_t> out(static_cast<size_t>(end - first));
  std::iota(out.begin(), out.end(), first);
  return out;
}

void append(std::vector<int64_t>& to, const std::vector<int64_t>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

at::Tensor by_head(const at::Tensor& weight, int64_t heads) {
  return weight.to(at::kDouble).view({heads, weight.size(0) / heads, weight.size(1)});
}

at::Tensor rows_of(const at::Tensor& heads, const std::vector<int64_t>& rows) {
  return heads.index_select(1, at::tensor(rows, at::kLong).to(heads.device()));
}

// The pairs' rows, neighbours.
std::vector<int64_t> pair_rows(const std::vector<int64_t>& pairs, int64_t head) {
  std::vector<int64_t> rows;
  for (const int64_t pair : pairs) append(rows, {pair, pair + head / 2});
  return rows;
}

// [H,d_h,d] -> [H,P,d]: first rows of the pairs are real parts, second ones imaginary.
at::Tensor as_complex(const at::Tensor& heads) {
  const int64_t pairs = heads.size(1) / 2;
  return at::complex(heads.narrow(1, 0, pairs).contiguous(), heads.narrow(1, pairs, pairs).contiguous());
}

// [...,P,d] complex -> [...,2P,d]: real and imaginary part of a pair are neighbours.
at::Tensor as_neighbours(const at::Tensor& pairs) {
  return at::stack({at::real(pairs), at::imag(pairs)}, -2).flatten(-3, -2);
}

// One slot of the rope key: a pair, and of it a component.
struct Slots {
  std::vector<int64_t> pairs, components;
};

// The `count` largest of scores [P,C], in the order of pairs.
Slots largest(const at::Tensor& scores, int64_t count) {
  const at::Tensor host = scores.to(at::kCPU).contiguous();
  const auto* score = host.const_data_ptr<double>();
  const int64_t width = host.size(1);
  std::vector<int64_t> order = range(0, host.numel());
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return score[a] > score[b]; });
  order.resize(static_cast<size_t>(count));
  std::sort(order.begin(), order.end());
  Slots slots;
  for (const int64_t i : order) {
    slots.pairs.push_back(i / width);
    slots.components.push_back(i % width);
  }
  return slots;
}

// [n_kv,P]: norms of the pairs of heads.
at::Tensor pair_norms(const at::Tensor& complex_heads) {
  return complex_heads.abs().square().sum(-1).sqrt();
}

std::vector<int64_t> pairs_by_norm(const at::Tensor& q, const at::Tensor& k, int64_t group, int64_t count) {
  const at::Tensor scores = pair_norms(q) * pair_norms(k).repeat_interleave(group, 0);
  return largest(scores.sum(0).unsqueeze(1), count).pairs;
}

// The slowest of the pairs that do not turn.
std::vector<int64_t> still_pairs(const std::vector<int64_t>& turning, int64_t all, int64_t count) {
  std::vector<int64_t> still;
  for (int64_t pair = all - 1; pair >= 0 && static_cast<int64_t>(still.size()) < count; --pair)
    if (std::find(turning.begin(), turning.end(), pair) == turning.end()) still.push_back(pair);
  std::reverse(still.begin(), still.end());
  return still;
}

struct TurningPart {
  at::Tensor query;  // [n_h, d_r, d]
  at::Tensor key;    // [d_r, d]
  std::vector<int64_t> pairs;
};

TurningPart chosen_pairs(const at::Tensor& q, const at::Tensor& k, std::vector<int64_t> pairs) {
  const std::vector<int64_t> rows = pair_rows(pairs, q.size(1));
  return {.query = rows_of(q, rows), .key = rows_of(k, rows).mean(0), .pairs = std::move(pairs)};
}

// Keys of pair p: k_j = sum over components c of u[p,j,c] kappa[p,c], and Re(q conj(u kappa)) = Re(q conj(u)
// conj(kappa)).
TurningPart components(const at::Tensor& q, const at::Tensor& k, const Metric& metric, const at::Tensor& frequencies,
                       int64_t slots) {
  const int64_t group = q.size(0) / k.size(0);
  const at::Tensor qc = as_complex(q), kc = as_complex(k);
  const at::Tensor weighted = metric.behind(kc).transpose(0, 1);  // [P,n_kv,d]
  const auto [values, vectors] = at::linalg_eigh(at::matmul(weighted, weighted.transpose(1, 2).conj()));
  const at::Tensor u = vectors.repeat_interleave(group, 1);                   // [P,n_h,C]
  const at::Tensor queries = pair_norms(metric.behind(qc)).t().unsqueeze(2);  // [P,n_h,1]
  const at::Tensor turns = frequencies.to(q.device(), at::kDouble) * kDistances;
  const at::Tensor loss = (1 - turns.sin() / turns).clamp_min(0).sqrt().unsqueeze(1);  // [P,1]
  const at::Tensor scores = values.clamp_min(0).sqrt() * (u.abs() * queries).sum(1) * loss;
  Slots chosen = largest(scores, slots);
  std::vector<at::Tensor> query, key;
  for (size_t i = 0; i < chosen.pairs.size(); ++i) {
    const int64_t p = chosen.pairs[i], c = chosen.components[i];
    query.push_back(qc.select(1, p) * u.select(0, p).select(1, c).conj().unsqueeze(1));
    key.push_back((vectors.select(0, p).select(1, c).conj().unsqueeze(1) * kc.select(1, p)).sum(0));
  }
  return {.query = as_neighbours(at::stack(query, 1)), .key = as_neighbours(at::stack(key)), .pairs = chosen.pairs};
}

TurningPart turning_part(const at::Tensor& q, const at::Tensor& k, const AttentionSizes& s, RopeInit init,
                         const Metric& metric, const at::Tensor& frequencies) {
  const int64_t all = s.head / 2, count = s.rope / 2;
  switch (init) {
    case RopeInit::kPairHigh:
      return chosen_pairs(q, k, range(0, count));
    case RopeInit::kPairLow:
      return chosen_pairs(q, k, range(all - count, all));
    case RopeInit::kPair2Norm:
      return chosen_pairs(
          q, k, pairs_by_norm(as_complex(metric.behind(q)), as_complex(metric.behind(k)), s.heads / s.kv_heads, count));
    default:
      return components(q, k, metric, frequencies, count);
  }
}

}  // namespace

Targets code_targets(const BaseProjections& base, const AttentionSizes& s) {
  const at::Tensor k = by_head(base.k, s.kv_heads);
  Targets out{.query = by_head(base.q, s.heads),
              .query_rows = range(0, s.nope),
              .key_value = at::cat({k, by_head(base.v, s.kv_heads)}, 1),
              .key_rows = range(0, s.nope),
              .value_rows = range(s.head, 2 * s.head),
              .rope_key = k.mean(0).narrow(0, s.head - s.rope, s.rope)};
  append(out.query_rows, range(s.head - s.rope, s.head));
  return out;
}

Targets pair_targets(const BaseProjections& base, const AttentionSizes& s, RopeInit init, const Metric& metric,
                     const at::Tensor& frequencies) {
  const at::Tensor q = by_head(base.q, s.heads), k = by_head(base.k, s.kv_heads), v = by_head(base.v, s.kv_heads);
  TurningPart turning = turning_part(q, k, s, init, metric, frequencies);
  const std::vector<int64_t> still = pair_rows(still_pairs(turning.pairs, s.head / 2, s.nope / 2), s.head);
  const double scale = std::sqrt(static_cast<double>(s.nope + s.rope) / static_cast<double>(s.head));
  return {.query = at::cat({rows_of(q, still), turning.query}, 1) * scale,
          .query_rows = range(0, s.nope + s.rope),
          .key_value = at::cat({rows_of(k, still), v}, 1),
          .key_rows = range(0, s.nope),
          .value_rows = range(s.nope, s.nope + s.head),
          .rope_key = turning.key,
          .pairs = std::move(turning.pairs)};
}

}  // namespace frugal::x_ecomla
