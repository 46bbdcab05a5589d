// Greedy decoding with lengths kept beside the tables, against the model without a cache.
#include "models/language/decode.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/models/tiny_llama.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

using testing::largest_difference;
using testing::tiny_ids;
using testing::tiny_language_model;

// One row after the other, the whole sequence anew for each token.
at::Tensor greedy_without_cache(Decoder& model, at::Tensor ids, int64_t steps) {
  const int64_t prompt = ids.size(1);
  for (int64_t i = 0; i < steps; ++i) {
    const at::Tensor hidden = model.hidden_states({.input_ids = ids}, nullptr, Pass::evaluation());
    ids = at::cat({ids, model.logits(hidden.select(1, -1)).argmax(-1, true)}, 1);
  }
  return ids.narrow(1, prompt, steps);
}

// Prompts of lengths[i] tokens of ids' rows -> the first new token of each.
at::Tensor prefill(Decoder& model, KvCache& cache, const at::Tensor& ids, const std::vector<int64_t>& lengths) {
  const at::Tensor hidden = model.hidden_states({.input_ids = ids, .lengths = lengths}, &cache, Pass::evaluation());
  std::vector<at::Tensor> first;
  for (size_t i = 0; i < lengths.size(); ++i)
    first.push_back(model.logits(hidden[static_cast<int64_t>(i)][lengths[i] - 1]).argmax());
  return at::stack(first);
}

TEST(DecodeLoop, GreedyTokensAreThoseOfTheModelWithoutACache) {
  const at::NoGradGuard no_grad;
  for (const char* architecture : {"llama", "opt"}) {
    const auto model = tiny_language_model(architecture);
    const auto cache = model->make_cache(3, 40);
    const std::vector<int64_t> lengths = {7, 1, 4};
    const at::Tensor ids = tiny_ids(3, 7);
    DecodeLoop loop(*model, *cache);
    const at::Tensor first = prefill(*model, *cache, ids, lengths);
    loop.start(first);
    const at::Tensor tokens = at::cat({first.unsqueeze(1), loop.generate(20)}, 1);
    EXPECT_FALSE(loop.captured()) << "there are no graphs on the CPU";
    for (int64_t row = 0; row < 3; ++row) {
      const int64_t length = lengths[static_cast<size_t>(row)];
      const at::Tensor expected = greedy_without_cache(*model, ids.narrow(0, row, 1).narrow(1, 0, length), 21);
      EXPECT_TRUE(tokens[row].equal(expected[0])) << architecture << " row " << row;
      EXPECT_EQ(cache->length(row), length + 20);
    }
    const auto* found = tokens.const_data_ptr<int64_t>();
    EXPECT_GT(std::set<int64_t>(found, found + tokens.numel()).size(), 5U)
        << "a model that repeats itself shows little";
  }
}

TEST(DecodeLoop, AStepEqualsOneWithLengthsOnTheHost) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_language_model();
  const auto cache = model->make_cache(2, 16), other = model->make_cache(2, 16);
  const at::Tensor ids = tiny_ids(2, 6);
  const at::Tensor first = prefill(*model, *cache, ids, {6, 3});
  prefill(*model, *other, ids, {6, 3});
  DecodeLoop loop(*model, *cache);
  loop.start(first);
  at::Tensor tokens = first.unsqueeze(1);
  for (int i = 0; i < 5; ++i) {
    loop.step();
    const at::Tensor logits =
        model->logits(model->hidden_states({.input_ids = tokens}, other.get(), Pass::evaluation()).select(1, 0));
    EXPECT_LT(largest_difference(loop.logits(), logits), 1e-12);
    tokens = logits.argmax(-1, true);
    EXPECT_EQ(cache->lengths(), other->lengths());
    EXPECT_EQ(cache->bytes(), other->bytes());
  }
  EXPECT_LT(largest_difference(cache->table(1, 0).narrow(1, 0, 8), other->table(1, 0).narrow(1, 0, 8)), 1e-12);
}

TEST(DecodeLoop, ReadsTheCacheAnewAtStart) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_language_model();
  const auto cache = model->make_cache(1, 16);
  const at::Tensor first = prefill(*model, *cache, tiny_ids(1, 6), {6});
  DecodeLoop loop(*model, *cache);
  loop.start(first);
  const at::Tensor once = loop.generate(8);
  cache->truncate(0, 6);
  loop.start(first);
  EXPECT_TRUE(loop.generate(8).equal(once));
}

TEST(DecodeLoop, WhatDoesNotFitIsAnErrorAndLeavesTheCacheAsItWas) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_language_model();
  const auto cache = model->make_cache(2, 8);
  const at::Tensor first = prefill(*model, *cache, tiny_ids(2, 7), {7, 2});
  DecodeLoop loop(*model, *cache);
  EXPECT_ERROR(loop.start(first.narrow(0, 0, 1)), ErrorKind::kUsage, "bad_inputs");
  loop.start(first);
  loop.step();
  EXPECT_ERROR(loop.step(), ErrorKind::kRunFailed, "cache_full");
  EXPECT_EQ(cache->lengths(), (std::vector<int64_t>{8, 3}));
  EXPECT_ERROR(cache->set_lengths({9, 1}), ErrorKind::kRunFailed, "bad_cache_length");
  EXPECT_ERROR(cache->set_lengths({1}), ErrorKind::kRunFailed, "bad_cache_length");
  // A window needs a mask by place; as long as the cache, it hides nothing.
  const auto windowed = tiny_language_model("mistral");
  const auto small = windowed->make_cache(1, 4), large = windowed->make_cache(1, 5);
  DecodeLoop fits(*windowed, *small), fails(*windowed, *large);
  fits.step();
  EXPECT_ERROR(fails.step(), ErrorKind::kUsage, "unsupported_decode");
  EXPECT_EQ(large->length(0), 0);
  const auto learned = tiny_language_model("opt");
  const auto beyond = learned->make_cache(1, 65);
  EXPECT_ERROR(DecodeLoop(*learned, *beyond).step(), ErrorKind::kBadData, "sequence_too_long");
}

}  // namespace
}  // namespace frugal
