#include "datasets/samplers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "datasets/synthetic.h"
#include "datasets/text_dataset.h"
#include "tests/support/expect_error.h"

namespace frugal::datasets {
namespace {

using testing::ElementsAre;

TEST(Permutation, IsOneAndDependsOnSeedAndEpoch) {
  const auto order = permutation(1000, 7, 0);
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(sorted[i], i);
  EXPECT_EQ(order, permutation(1000, 7, 0));
  EXPECT_NE(order, permutation(1000, 7, 1));
  EXPECT_NE(order, permutation(1000, 8, 0));
  EXPECT_TRUE(permutation(0, 1, 1).empty());
}

// A checkpoint of today must resume tomorrow: the order itself is part of the contract.
TEST(Permutation, OrderIsFixedForever) {
  EXPECT_THAT(permutation(8, 3407, 0), ElementsAre(4, 7, 0, 5, 3, 2, 1, 6));
  EXPECT_THAT(permutation(8, 3407, 1), ElementsAre(0, 6, 1, 7, 2, 5, 4, 3));
}

TEST(Permutation, EveryOrderIsEquallyLikely) {
  std::map<std::vector<std::uint32_t>, int> counts;
  for (std::uint64_t epoch = 0; epoch < 24'000; ++epoch) ++counts[permutation(4, 5, epoch)];
  ASSERT_EQ(counts.size(), 24u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(GroupByLength, WorkedExample) {
  // batch 1, n = 8: mega-batches of 8 / 4 = 2; the longest (index 3) is swapped to the front.
  const std::vector<std::uint32_t> order = {0, 1, 2, 3, 4, 5, 6, 7}, lengths = {1, 2, 5, 9, 3, 3, 8, 1};
  EXPECT_THAT(group_by_length(order, lengths, 1), ElementsAre(3, 0, 1, 2, 4, 5, 6, 7));
  EXPECT_TRUE(group_by_length({}, {}, 4).empty());
}

std::vector<std::uint32_t> lengths_of(std::size_t n) {
  std::vector<std::uint32_t> lengths(n);
  for (std::size_t i = 0; i < n; ++i) lengths[i] = static_cast<std::uint32_t>(i * 7919 % 50);
  return lengths;
}

TEST(BatchSampler, EveryExampleOnceAnEpoch) {
  for (const bool group : {false, true}) {
    BatchSampler sampler(lengths_of(103), {.batch_size = 10, .seed = 4, .group_by_length = group});
    ASSERT_EQ(sampler.batches_per_epoch(), 11u);
    for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
      std::multiset<std::uint32_t> seen;
      for (int batch = 0; batch < 11; ++batch) {
        EXPECT_EQ(sampler.state().epoch, epoch);
        const auto indices = sampler.next();
        seen.insert(indices.begin(), indices.end());
        EXPECT_EQ(indices.size(), batch == 10 ? 3u : 10u);
      }
      EXPECT_EQ(seen.size(), 103u);
      EXPECT_EQ(std::set<std::uint32_t>(seen.begin(), seen.end()).size(), 103u);
    }
  }
}

TEST(BatchSampler, ResumesAnywhere) {
  const SamplerOptions options = {.batch_size = 8, .seed = 11, .group_by_length = true};
  BatchSampler whole(lengths_of(100), options);
  std::vector<SamplerState> states;
  std::vector<std::vector<std::uint32_t>> batches;
  for (int i = 0; i < 40; ++i) {
    states.push_back(whole.state());
    batches.push_back(whole.next());
  }
  for (std::size_t i = 0; i < states.size(); ++i) {
    BatchSampler resumed(lengths_of(100), options, states[i]);
    EXPECT_EQ(resumed.next(), batches[i]) << "from batch " << i;
  }
}

TEST(BatchSampler, FileOrderAndDropLast) {
  BatchSampler sampler(lengths_of(5), {.batch_size = 2, .shuffle = false, .drop_last = true});
  EXPECT_EQ(sampler.batches_per_epoch(), 2u);
  EXPECT_THAT(sampler.next(), ElementsAre(0, 1));
  EXPECT_THAT(sampler.next(), ElementsAre(2, 3));
  EXPECT_THAT(sampler.next(), ElementsAre(0, 1));
}

TEST(BatchSampler, RefusesWhatCannotBe) {
  const auto make = [](std::size_t n, SamplerOptions options, SamplerState state = {}) {
    return BatchSampler(lengths_of(n), options, state);
  };
  EXPECT_ERROR(make(0, {}), ErrorKind::kUsage, "sampler_options");
  EXPECT_ERROR(make(3, {.batch_size = 0}), ErrorKind::kUsage, "sampler_options");
  EXPECT_ERROR(make(3, {.batch_size = 4, .drop_last = true}), ErrorKind::kUsage, "sampler_options");
  EXPECT_ERROR(make(3, {.shuffle = false, .group_by_length = true}), ErrorKind::kUsage, "sampler_options");
  EXPECT_ERROR(make(3, {.batch_size = 2}, {.epoch = 0, .position = 2}), ErrorKind::kUsage, "sampler_state");
}

TEST(GatherBatch, PadsToTheLongestChosen) {
  const std::vector<tokenizers::Encoding> encodings = {
      {{1, 2, 3}, {0, 0, 1}, {1, 1, 1}}, {{4}, {0}, {1}}, {{5, 6, 7, 8}, {0, 0, 0, 0}, {1, 1, 1, 1}}};
  const std::vector<std::uint32_t> chosen = {1, 0};
  const auto batch = gather_batch(encodings, chosen, {.pad_id = 9});
  EXPECT_EQ(batch.rows, 2u);
  EXPECT_EQ(batch.columns, 3u);
  EXPECT_THAT(batch.input_ids, ElementsAre(4, 9, 9, 1, 2, 3));
  EXPECT_THAT(batch.token_type_ids, ElementsAre(0, 0, 0, 0, 0, 1));
  EXPECT_THAT(batch.attention_mask, ElementsAre(1, 0, 0, 1, 1, 1));
  EXPECT_EQ(gather_batch(encodings, chosen, {.pad_to_multiple_of = 8}).columns, 8u);
  EXPECT_EQ(gather_batch(encodings, chosen, {.least_columns = 5}).columns, 5u);
  EXPECT_EQ(gather_batch(encodings, {}, {}).rows, 0u);
  const std::vector<std::uint32_t> outside = {3};
  EXPECT_ERROR(gather_batch(encodings, outside, {}), ErrorKind::kUsage, "sampler_index");
  EXPECT_ERROR(gather_batch(encodings, chosen, {.pad_to_multiple_of = 0}), ErrorKind::kUsage, "pad_options");
}

TextDataset numbered(std::size_t n) {
  TextDataset dataset;
  dataset.split = "train";
  for (std::size_t i = 0; i < n; ++i)
    dataset.examples.push_back({std::to_string(i), "s" + std::to_string(i), std::nullopt, std::int64_t{0}});
  return dataset;
}

TEST(TextDataset, SliceClips) {
  EXPECT_EQ(slice(numbered(10), 3, 4).examples[0].id, "3");
  EXPECT_EQ(slice(numbered(10), 8, 4).examples.size(), 2u);
  EXPECT_EQ(slice(numbered(10), 20, 4).examples.size(), 0u);
  EXPECT_EQ(slice(numbered(10), 3, 4).notes.size(), 1u);
  EXPECT_TRUE(slice(numbered(10), 0, 10).notes.empty());
}

TEST(TextDataset, SampleAndSplitAreSeededAndDisjoint) {
  const auto all = numbered(200);
  const auto twenty = sample(all, 20, 1);
  EXPECT_EQ(twenty.examples.size(), 20u);
  EXPECT_EQ(sample(all, 500, 1).examples.size(), 200u);
  const auto parts = split(all, 0.25, 9), again = split(all, 0.25, 9), other = split(all, 0.25, 10);
  ASSERT_EQ(parts.held_out.examples.size(), 50u);
  ASSERT_EQ(parts.train.examples.size(), 150u);
  std::set<std::string> ids;
  for (const auto* part : {&parts.train, &parts.held_out})
    for (const auto& example : part->examples) ids.insert(example.id);
  EXPECT_EQ(ids.size(), 200u);
  const auto first_ids = [](const TextDataset& dataset) {
    std::vector<std::string> result;
    result.reserve(dataset.examples.size());
    for (const auto& example : dataset.examples) result.push_back(example.id);
    return result;
  };
  EXPECT_EQ(first_ids(parts.held_out), first_ids(again.held_out));
  EXPECT_NE(first_ids(parts.held_out), first_ids(other.held_out));
  EXPECT_FALSE(parts.held_out.notes.empty());
  for (const double share : {0.0, 1.0, -1.0, std::nan("")})
    EXPECT_ERROR(split(all, share, 1), ErrorKind::kUsage, "split_share");
}

TEST(TokenOrder, LabelsSayWhatTheTokensDo) {
  const auto dataset = make_token_order({.count = 501, .min_length = 4, .max_length = 12, .vocabulary = 10, .seed = 2});
  ASSERT_EQ(dataset.encodings.size(), 501u);
  EXPECT_EQ(std::accumulate(dataset.labels.begin(), dataset.labels.end(), std::int64_t{0}), 250);
  std::set<std::size_t> sizes;
  for (std::size_t i = 0; i < dataset.encodings.size(); ++i) {
    const auto& ids = dataset.encodings[i].ids;
    sizes.insert(ids.size());
    EXPECT_EQ(ids.front(), 2);
    EXPECT_EQ(ids.back(), 3);
    ASSERT_EQ(std::count(ids.begin(), ids.end(), 4), 1);
    ASSERT_EQ(std::count(ids.begin(), ids.end(), 5), 1);
    const bool a_first = std::find(ids.begin(), ids.end(), 4) < std::find(ids.begin(), ids.end(), 5);
    EXPECT_EQ(dataset.labels[i], a_first ? 1 : 0);
    for (const auto token : ids) EXPECT_TRUE(token >= 2 && token < 10);
  }
  EXPECT_EQ(*sizes.begin(), 4u);
  EXPECT_EQ(*sizes.rbegin(), 12u);
}

TEST(TokenOrder, SeedAndStreamDecide) {
  const auto a = make_token_order({.seed = 1}), b = make_token_order({.seed = 1}), c = make_token_order({.seed = 2}),
             d = make_token_order({.seed = 1, .stream = 1});
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.encodings[0].ids, b.encodings[0].ids);
  EXPECT_NE(a.labels, c.labels);
  EXPECT_NE(a.labels, d.labels);
  EXPECT_ERROR(make_token_order({.min_length = 3}), ErrorKind::kUsage, "synthetic_options");
  EXPECT_ERROR(make_token_order({.vocabulary = 7}), ErrorKind::kUsage, "synthetic_options");
  EXPECT_ERROR(make_token_order({.min_length = 9, .max_length = 8}), ErrorKind::kUsage, "synthetic_options");
}

}  // namespace
}  // namespace frugal::datasets
