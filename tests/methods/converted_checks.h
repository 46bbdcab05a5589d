// What every converted model must do, whatever its attention has become. fp64, vocabulary 50.
#pragma once

#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "models/language/decode.h"
#include "models/language/likelihood.h"
#include "tests/methods/tiny_x_ecomla.h"
#include "tests/support/expect_error.h"

namespace frugal::x_ecomla::testing {

using frugal::testing::largest_difference;
using frugal::testing::tiny_ids;

// In pieces of several tokens, and one by one.
inline void expect_cached_is_uncached(Decoder& model) {
  const at::Tensor ids = tiny_ids(2, 11);
  const at::Tensor whole = states(model, {.input_ids = ids});
  const auto cache = model.make_cache(2, 11);
  std::vector<at::Tensor> pieces = {states(model, {.input_ids = ids.narrow(1, 0, 4)}, cache.get()),
                                    states(model, {.input_ids = ids.narrow(1, 4, 3)}, cache.get())};
  for (int64_t t = 7; t < 11; ++t) pieces.push_back(states(model, {.input_ids = ids.narrow(1, t, 1)}, cache.get()));
  EXPECT_LT(largest_difference(at::cat(pieces, 1), whole), 1e-11);
  const auto one_by_one = model.make_cache(2, 11);
  for (int64_t t = 0; t < 11; ++t)
    EXPECT_LT(
        largest_difference(states(model, {.input_ids = ids.narrow(1, t, 1)}, one_by_one.get()), whole.narrow(1, t, 1)),
        1e-11);
}

// A long piece behind others, of rows of one length and of unlike ones.
inline void expect_a_long_piece_is_uncached(Decoder& model) {
  constexpr int64_t kFirst = 4, kMore = 56;
  const at::Tensor ids = tiny_ids(2, kFirst + kMore), begin = ids.narrow(1, 0, kFirst),
                   end = ids.narrow(1, kFirst, kMore);
  const at::Tensor whole = states(model, {.input_ids = ids});
  const auto cache = model.make_cache(2, kFirst + kMore);
  states(model, {.input_ids = begin}, cache.get());
  EXPECT_LT(largest_difference(states(model, {.input_ids = end}, cache.get()), whole.narrow(1, kFirst, kMore)), 1e-11);
  const auto ragged = model.make_cache(2, kFirst + kMore);
  states(model, {.input_ids = begin, .lengths = {kFirst, kFirst - 1}}, ragged.get());
  const at::Tensor second = at::cat({begin[1].narrow(0, 0, kFirst - 1), end[1]}).unsqueeze(0);
  const at::Tensor both = states(model, {.input_ids = end}, ragged.get());
  EXPECT_LT(largest_difference(both[0], whole[0].narrow(0, kFirst, kMore)), 1e-11);
  EXPECT_LT(largest_difference(both[1], states(model, {.input_ids = second})[0].narrow(0, kFirst - 1, kMore)), 1e-11);
}

// Rows of unlike lengths, a copied prefix, rows of the cache in another order.
inline void expect_ragged_rows_are_rows(Decoder& model) {
  const at::Tensor prompts = tiny_ids(3, 6), next = tiny_ids(3, 4, 13);
  const std::vector<int64_t> lengths = {6, 3, 1};
  const auto cache = model.make_cache(3, 10);
  states(model, {.input_ids = prompts, .lengths = lengths}, cache.get());
  cache->fork({1}, {2}, {2});
  states(model, {.input_ids = next.narrow(1, 0, 3), .lengths = {3, 2, 3}}, cache.get());
  const at::Tensor last = states(model, {.input_ids = next.narrow(1, 3, 1), .rows = {2, 0, 1}}, cache.get());
  const auto row = [&](int64_t source, int64_t length, int64_t with, int64_t more, int64_t end) {
    const at::Tensor whole =
        at::cat({prompts.narrow(0, source, 1).narrow(1, 0, length), next.narrow(0, with, 1).narrow(1, 0, more),
                 next.narrow(0, end, 1).narrow(1, 3, 1)},
                1);
    return states(model, {.input_ids = whole})[0][whole.size(1) - 1];
  };
  EXPECT_LT(largest_difference(last[0][0], row(1, 2, 2, 3, 0)), 1e-11);
  EXPECT_LT(largest_difference(last[1][0], row(0, 6, 0, 3, 1)), 1e-11);
  EXPECT_LT(largest_difference(last[2][0], row(1, 3, 1, 2, 2)), 1e-11);
}

// One step after the other with lengths beside the tables: what a captured CUDA graph runs.
inline void expect_greedy_is_uncached(Decoder& model, bool has_window) {
  const at::NoGradGuard no_grad;
  const std::vector<int64_t> lengths = {5, 2};
  const at::Tensor prompts = tiny_ids(2, 5);
  const auto cache = model.make_cache(2, 16);
  const at::Tensor hidden = states(model, {.input_ids = prompts, .lengths = lengths}, cache.get());
  const at::Tensor first = at::stack({model.logits(hidden[0][4]).argmax(), model.logits(hidden[1][1]).argmax()});
  DecodeLoop loop(model, *cache);
  loop.start(first);
  if (has_window) {
    EXPECT_ERROR(loop.step(), ErrorKind::kUsage, "unsupported_decode");
    return;
  }
  const at::Tensor found = at::cat({first.unsqueeze(1), loop.generate(8)}, 1);
  for (int64_t row = 0; row < 2; ++row) {
    at::Tensor ids = prompts.narrow(0, row, 1).narrow(1, 0, lengths[static_cast<size_t>(row)]);
    for (int64_t t = 0; t < 9; ++t) {
      const at::Tensor next = model.logits(states(model, {.input_ids = ids}).select(1, -1)).argmax(-1, true);
      EXPECT_TRUE(next[0][0].equal(found[row][t])) << row << " " << t;
      ids = at::cat({ids, next}, 1);
    }
  }
}

// Of the parameters whose name has one of `parts` in it, along a random direction.
inline void expect_slopes(Decoder& model, const std::vector<std::string>& parts) {
  const at::Tensor ids = tiny_ids(2, 7);
  const auto loss = [&] {
    const at::Tensor hidden = model.hidden_states({.input_ids = ids}, nullptr, Pass::train(1, 0, 0));
    return cross_entropy(hidden.narrow(1, 0, 6), ids.narrow(1, 1, 6), model.head());
  };
  for (const NamedTensor& p : model.parameters().all()) {
    EXPECT_TRUE(p.value.requires_grad()) << p.name;
    if (std::none_of(parts.begin(), parts.end(), [&](const auto& part) { return p.name.find(part) != p.name.npos; }))
      continue;
    const at::Tensor gradient = torch::autograd::grad({loss()}, {p.value})[0];
    const at::NoGradGuard no_grad;
    const at::Tensor direction = at::randn(p.value.sizes(), at::kDouble), before = p.value.clone();
    const double h = 1e-6 / direction.norm().item<double>();
    const auto at_step = [&](double step) {
      p.value.copy_(before + step * direction);
      return loss().item<double>();
    };
    const double slope = (at_step(h) - at_step(-h)) / (2 * h);
    p.value.copy_(before);
    const double wanted = (gradient * direction).sum().item<double>();
    EXPECT_NEAR(slope, wanted, 1e-5 * (1 + std::abs(wanted))) << p.name;
    EXPECT_GT(gradient.abs().max().item<double>(), 0) << p.name;
  }
}

}  // namespace frugal::x_ecomla::testing
