// The cache of keys and values by itself: what is stored, where, how many bytes; and what a model makes of it.
#include "models/language/kv_cache.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/models/tiny_llama.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

using testing::largest_difference;
using testing::tiny_ids;
using testing::tiny_language_model;

// Two layers of different kinds: keys and values of 2 heads, and a latent of 5 numbers in bf16.
KvCache mixed_cache(int64_t sequences = 3, int64_t capacity = 8) {
  return {{{{"key", {2, 4}, at::kFloat}, {"value", {2, 4}, at::kFloat}}, {{"latent", {5}, at::kBFloat16}}},
          sequences,
          capacity,
          at::kCPU};
}

// Values that say which row and token they belong to.
at::Tensor marked(const std::vector<int64_t>& rows, int64_t tokens, double first) {
  at::Tensor out = at::zeros({static_cast<int64_t>(rows.size()), tokens, 2, 4});
  for (size_t i = 0; i < rows.size(); ++i)
    for (int64_t t = 0; t < tokens; ++t)
      out[static_cast<int64_t>(i)][t].fill_(100.0 * static_cast<double>(rows[i]) + first + static_cast<double>(t));
  return out;
}

at::Tensor put(KvCache& cache, const std::vector<int64_t>& rows, const std::vector<int64_t>& counts, int64_t tokens,
               double first) {
  const CacheSpan span = cache.plan(rows, counts, static_cast<int64_t>(rows.size()), tokens);
  const at::Tensor stored = cache.extend(0, 0, marked(rows, tokens, first), span);
  cache.commit(span);
  return stored;
}

TEST(KvCache, BytesAreThoseOfTheStoredTokensExactly) {
  KvCache cache = mixed_cache();
  EXPECT_EQ(cache.bytes_per_token(), 2 * 8 * 4 + 5 * 2);
  EXPECT_EQ(cache.allocated_bytes(), 3 * 8 * 74);
  EXPECT_EQ(cache.bytes(), 0);
  put(cache, {0, 1, 2}, {4, 1, 3}, 4, 0);
  EXPECT_EQ(cache.bytes(), 8 * 74);
  cache.truncate(0, 2);
  EXPECT_EQ(cache.bytes(), 6 * 74);
  cache.clear();
  EXPECT_EQ(cache.bytes(), 0);
  // 30 layers of 3 heads of 64 keys and values: the formula 2 L Hkv dh, of SmolLM2-135M.
  const KvCache smol(
      std::vector<std::vector<CacheSlot>>(30, {{"key", {3, 64}, at::kHalf}, {"value", {3, 64}, at::kHalf}}), 2, 3,
      at::kCPU);
  EXPECT_EQ(smol.bytes_per_token(), 2 * 30 * 3 * 64 * 2);
}

TEST(KvCache, RaggedRowsLieBehindWhatIsStored) {
  KvCache cache = mixed_cache();
  put(cache, {0, 1, 2}, {4, 1, 0}, 4, 0);
  EXPECT_EQ(cache.length(0), 4);
  EXPECT_EQ(cache.length(1), 1);
  EXPECT_EQ(cache.length(2), 0);
  const at::Tensor all = put(cache, {0, 1, 2}, {1, 3, 2}, 3, 50);
  EXPECT_EQ(all.size(1), 5);
  EXPECT_EQ(all[1][0][0][0].item<double>(), 100);
  EXPECT_EQ(all[1][3][0][0].item<double>(), 152);
  EXPECT_EQ(all[0][3][0][0].item<double>(), 3);
  EXPECT_EQ(all[0][4][1][3].item<double>(), 50);
  EXPECT_EQ(all[2][1][0][0].item<double>(), 251);
}

TEST(KvCache, ChosenRowsInAnyOrder) {
  KvCache cache = mixed_cache();
  put(cache, {0, 1, 2}, {}, 2, 0);
  const at::Tensor all = put(cache, {2, 0}, {}, 1, 70);
  EXPECT_EQ(cache.length(1), 2);
  EXPECT_EQ(cache.length(2), 3);
  EXPECT_EQ(all[0][0][0][0].item<double>(), 200) << "row 2 comes first";
  EXPECT_EQ(all[0][2][0][0].item<double>(), 270);
  EXPECT_EQ(all[1][2][0][0].item<double>(), 70);
  const at::Tensor adjacent = put(cache, {1, 2}, {1, 1}, 1, 80);
  EXPECT_EQ(adjacent[0][2][0][0].item<double>(), 180);
  EXPECT_EQ(adjacent[1][3][0][0].item<double>(), 280);
}

TEST(KvCache, AlignedRowsAreReadWithoutACopy) {
  KvCache cache = mixed_cache();
  put(cache, {0, 1, 2}, {}, 2, 0);
  const at::Tensor all = put(cache, {0, 1, 2}, {}, 1, 9);
  EXPECT_EQ(all.const_data_ptr(), cache.table(0, 0).const_data_ptr());
}

TEST(KvCache, ForkCopiesAPrefixOfEveryLayerAndTruncateForgets) {
  KvCache cache = mixed_cache();
  put(cache, {0, 1, 2}, {5, 2, 3}, 5, 0);
  const CacheSpan span = cache.plan({0}, {}, 1, 1);
  cache.extend(1, 0, at::full({1, 1, 5}, 7, at::kBFloat16), span);
  cache.commit(span);
  cache.fork({0}, {2}, {6});
  EXPECT_EQ(cache.length(2), 6);
  EXPECT_TRUE(cache.table(0, 0)[2].narrow(0, 0, 5).equal(cache.table(0, 0)[0].narrow(0, 0, 5)));
  EXPECT_EQ(cache.table(1, 0)[2][5][0].item<double>(), 7);
  cache.fork({2}, {2}, {4});
  EXPECT_EQ(cache.length(2), 4);
  EXPECT_EQ(cache.length(0), 6) << "the source stays";
  EXPECT_EQ(cache.length(1), 2) << "others, too";
  EXPECT_ERROR(cache.fork({1}, {0}, {3}), ErrorKind::kRunFailed, "bad_cache_length");
  EXPECT_ERROR(cache.truncate(1, 3), ErrorKind::kRunFailed, "bad_cache_length");
  EXPECT_ERROR(cache.truncate(1, -1), ErrorKind::kRunFailed, "bad_cache_length");
  EXPECT_ERROR(cache.fork({0, 0}, {1, 3}, {1, 1}), ErrorKind::kRunFailed, "bad_cache_rows");
  EXPECT_ERROR(cache.fork({0, 0}, {1, 1}, {1, 1}), ErrorKind::kRunFailed, "bad_cache_rows");
  EXPECT_ERROR(cache.fork({0}, {1, 2}, {1}), ErrorKind::kRunFailed, "bad_cache_rows");
  cache.fork({0, 1, 1}, {2, 1, 0}, {5, 2, 1});
  EXPECT_EQ(cache.length(0), 1);
  EXPECT_EQ(cache.length(2), 5);
  EXPECT_EQ(cache.table(0, 0)[2][4][0][0].item<double>(), 4) << "all sources are read before a row is written";
}

TEST(KvCache, WrongCallsChangeNothing) {
  KvCache cache = mixed_cache();
  put(cache, {0, 1, 2}, {}, 7, 0);
  EXPECT_ERROR(cache.plan({}, {}, 3, 2), ErrorKind::kRunFailed, "cache_full");
  EXPECT_ERROR(cache.plan({}, {}, 2, 1), ErrorKind::kRunFailed, "bad_cache_rows");
  EXPECT_ERROR(cache.plan({1, 1}, {}, 2, 1), ErrorKind::kRunFailed, "bad_cache_rows");
  EXPECT_ERROR(cache.plan({3}, {}, 1, 1), ErrorKind::kRunFailed, "bad_cache_rows");
  EXPECT_NO_THROW(cache.plan({}, {1, 0, 1}, 3, 5)) << "padding may reach over the end";
  EXPECT_EQ(cache.length(0), 7);
  const CacheSpan span = cache.plan({}, {}, 3, 1);
  EXPECT_ERROR(cache.extend(0, 0, marked({0, 1, 2}, 1, 0).set_requires_grad(true), span), ErrorKind::kRunFailed,
               "cache_in_training");
}

class CachedModel : public ::testing::TestWithParam<const char*> {
 protected:
  at::Tensor states(const LanguageModelInputs& inputs, KvCache* cache = nullptr) {
    return model->hidden_states(inputs, cache, Pass::evaluation());
  }
  at::NoGradGuard no_grad;
  std::shared_ptr<Decoder> model = tiny_language_model(GetParam());
};

// Two questions behind one prefix, which is computed once in one row and forked.
TEST_P(CachedModel, ForkedPrefixesEqualWholePrompts) {
  const at::Tensor prefix = tiny_ids(1, 7), questions = tiny_ids(3, 4, 12);
  const auto cache = model->make_cache(3, 11);
  states({.input_ids = prefix, .rows = {0}}, cache.get());
  cache->fork({0, 0}, {2, 1}, {7, 7});
  const at::Tensor forked = states({.input_ids = questions, .lengths = {4, 2, 3}}, cache.get());
  for (int64_t row = 0; row < 3; ++row) {
    const int64_t length = std::vector<int64_t>{4, 2, 3}[static_cast<size_t>(row)];
    const at::Tensor whole = at::cat({prefix, questions.narrow(0, row, 1).narrow(1, 0, length)}, 1);
    EXPECT_LT(
        largest_difference(forked[row].narrow(0, 0, length), states({.input_ids = whole})[0].narrow(0, 7, length)),
        1e-12);
  }
  // Back to the prefix, and another question in its place.
  cache->truncate(1, 7);
  const at::Tensor again = states({.input_ids = questions.narrow(0, 2, 1), .rows = {1}}, cache.get());
  const at::Tensor whole = at::cat({prefix, questions.narrow(0, 2, 1)}, 1);
  EXPECT_LT(largest_difference(again[0], states({.input_ids = whole})[0].narrow(0, 7, 4)), 1e-12);
}

TEST_P(CachedModel, DecodingRaggedRowsEqualsTheWholeRows) {
  const at::Tensor prompts = tiny_ids(3, 6), next = tiny_ids(3, 5, 13);
  const std::vector<int64_t> lengths = {6, 3, 1};
  const auto cache = model->make_cache(3, 11);
  states({.input_ids = prompts, .lengths = lengths}, cache.get());
  at::Tensor last;
  for (int64_t t = 0; t < 5; ++t) last = states({.input_ids = next.narrow(1, t, 1)}, cache.get());
  for (int64_t row = 0; row < 3; ++row) {
    const at::Tensor whole =
        at::cat({prompts.narrow(0, row, 1).narrow(1, 0, lengths[static_cast<size_t>(row)]), next.narrow(0, row, 1)}, 1);
    EXPECT_LT(largest_difference(last[row][0], states({.input_ids = whole})[0][whole.size(1) - 1]), 1e-12);
    EXPECT_EQ(cache->length(row), lengths[static_cast<size_t>(row)] + 5);
  }
}

// Rows that have finished leave the batch; those that go on are addressed by number.
TEST_P(CachedModel, RowsMayRestWhileOthersGoOn) {
  const at::Tensor prompts = tiny_ids(4, 5), next = tiny_ids(2, 3, 14);
  const auto cache = model->make_cache(4, 8);
  states({.input_ids = prompts}, cache.get());
  const at::Tensor going_on = states({.input_ids = next, .lengths = {3, 2}, .rows = {3, 1}}, cache.get());
  const at::Tensor whole = at::cat({prompts.narrow(0, 3, 1), next.narrow(0, 0, 1)}, 1);
  EXPECT_LT(largest_difference(going_on[0], states({.input_ids = whole})[0].narrow(0, 5, 3)), 1e-12);
  const at::Tensor other = at::cat({prompts.narrow(0, 1, 1), next.narrow(0, 1, 1).narrow(1, 0, 2)}, 1);
  EXPECT_LT(largest_difference(going_on[1].narrow(0, 0, 2), states({.input_ids = other})[0].narrow(0, 5, 2)), 1e-12);
  EXPECT_EQ(cache->length(0), 5);
}

// What stands at padding means nothing, but is a number: it may be summed, and masked by 0.
TEST_P(CachedModel, PaddingIsFinite) {
  const auto cache = model->make_cache(3, 20);
  for (const std::vector<int64_t>& lengths : {std::vector<int64_t>{0, 0, 0}, {9, 1, 0}, {1, 9, 0}, {0, 2, 1}}) {
    const at::Tensor states = this->states({.input_ids = tiny_ids(3, 9), .lengths = lengths}, cache.get());
    EXPECT_TRUE(states.isfinite().all().item<bool>()) << at::IntArrayRef(lengths);
  }
  EXPECT_EQ(cache->length(0), 10);
  EXPECT_EQ(cache->length(1), 12);
  EXPECT_EQ(cache->length(2), 1);
  const at::Tensor mask = at::zeros({3, 9}, at::kLong);
  EXPECT_TRUE(states({.input_ids = tiny_ids(3, 9), .attention_mask = mask}).isfinite().all().item<bool>());
}

TEST_P(CachedModel, AFailedCallLeavesTheCacheAsItWas) {
  const auto cache = model->make_cache(1, 8);
  states({.input_ids = tiny_ids(1, 6)}, cache.get());
  EXPECT_ERROR(states({.input_ids = tiny_ids(1, 3)}, cache.get()), ErrorKind::kRunFailed, "cache_full");
  EXPECT_EQ(cache->length(0), 6);
}

TEST_P(CachedModel, BytesFollowTheFormula) {
  const auto cache = model->make_cache(2, 10);
  const LanguageModelConfig& c = model->config();
  EXPECT_EQ(cache->bytes_per_token(), 2 * c.layers * c.kv_heads * c.head_size * 8);
  states({.input_ids = tiny_ids(2, 5), .lengths = {5, 2}}, cache.get());
  EXPECT_EQ(cache->bytes(), 7 * cache->bytes_per_token());
}

INSTANTIATE_TEST_SUITE_P(Architectures, CachedModel, ::testing::Values("llama", "mistral", "qwen2", "opt"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace frugal
