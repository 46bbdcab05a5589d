#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/philox.h"
#include "metrics/classification.h"
#include "metrics/correlation.h"
#include "metrics/glue.h"
#include "metrics/ratio.h"
#include "metrics/statistics.h"
#include "tests/support/expect_error.h"

namespace frugal::metrics {
namespace {

using Ids = std::vector<std::int64_t>;
using Values = std::vector<double>;

// Known answers of Random123 (kat_vectors, philox4x32 10 rounds).
TEST(Philox, KnownAnswers) {
  EXPECT_THAT(philox4x32({0, 0, 0, 0}, {0, 0}),
              testing::ElementsAre(0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u));
  const auto ones = ~0u;
  EXPECT_THAT(philox4x32({ones, ones, ones, ones}, {ones, ones}),
              testing::ElementsAre(0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu));
  EXPECT_THAT(philox4x32({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}),
              testing::ElementsAre(0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u));
}

TEST(Philox, BelowIsInRangeAndEven) {
  Philox random(1, 2);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts.at(random.below(7));
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

TEST(Classification, WorkedExamples) {
  const Ids target = {1, 1, 0, 0, 1}, predicted = {1, 0, 0, 1, 1};
  EXPECT_DOUBLE_EQ(accuracy(target, predicted), 0.6);
  EXPECT_DOUBLE_EQ(f1_binary(target, predicted), 2.0 / 3);
  EXPECT_DOUBLE_EQ(f1_macro(target, predicted), (2.0 / 3 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(matthews(target, predicted), 1.0 / 6);  // TP 2, TN 1, FP 1, FN 1
  EXPECT_DOUBLE_EQ(matthews(target, Ids(5, 1)), 0);
  EXPECT_DOUBLE_EQ(f1_binary(Ids{0, 0}, Ids{0, 0}), 0);
}

TEST(Correlation, WorkedExamples) {
  EXPECT_DOUBLE_EQ(pearson(Values{1, 2, 3}, Values{2, 4, 6}), 1);
  EXPECT_DOUBLE_EQ(pearson(Values{1, 2, 3}, Values{3, 2, 1}), -1);
  EXPECT_DOUBLE_EQ(spearman(Values{1, 2, 3}, Values{1, 10, 1000}), 1);
  EXPECT_THAT(average_ranks(Values{10, 20, 10, 5}), testing::ElementsAre(2.5, 4, 2.5, 1));
  EXPECT_TRUE(std::isnan(pearson(Values{1, 1}, Values{1, 2})));
  EXPECT_TRUE(std::isnan(spearman(Values{1, 2, std::nan("")}, Values{1, 2, 3})));
}

TEST(Metrics, UnevenOrEmptyInputIsAnError) {
  const auto code = "metric_input";
  EXPECT_ERROR(accuracy(Ids{}, Ids{}), ErrorKind::kUsage, code);
  EXPECT_ERROR(f1_macro(Ids{1}, Ids{1, 2}), ErrorKind::kUsage, code);
  EXPECT_ERROR(matthews(Ids{1}, Ids{}), ErrorKind::kUsage, code);
  EXPECT_ERROR(pearson(Values{1}, Values{1}), ErrorKind::kUsage, code);
  EXPECT_ERROR(spearman(Values{1, 2}, Values{1}), ErrorKind::kUsage, code);
  EXPECT_ERROR(mean(Values{}), ErrorKind::kUsage, code);
  EXPECT_ERROR(bootstrap_mean(Values{}), ErrorKind::kUsage, code);
  EXPECT_ERROR(bootstrap_mean(Values{1}, {.confidence = 1}), ErrorKind::kUsage, code);
  EXPECT_ERROR(bootstrap_mean(Values{1}, {.resamples = 0}), ErrorKind::kUsage, code);
  EXPECT_ERROR(paired_bootstrap(std::vector<Values>{{1, 2}}, {{1}}), ErrorKind::kUsage, code);
  EXPECT_ERROR(paired_bootstrap(std::vector<Values>{}, {{1}}), ErrorKind::kUsage, code);
}

TEST(Bootstrap, IntervalOfAMeanIsTheNormalOne) {
  Values values;
  Philox random(5);
  for (int i = 0; i < 400; ++i) values.push_back(random.below(2));
  const auto interval = bootstrap_mean(values, {.resamples = 4000, .seed = 3});
  EXPECT_NEAR(interval.low, mean(values) - 1.96 * standard_error(values), 0.006);
  EXPECT_NEAR(interval.high, mean(values) + 1.96 * standard_error(values), 0.006);
}

TEST(Bootstrap, SameSeedSameInterval) {
  const Values values = {1, 2, 3, 4, 5, 9};
  const auto a = bootstrap_mean(values, {.seed = 1}), b = bootstrap_mean(values, {.seed = 1}),
             c = bootstrap_mean(values, {.seed = 2});
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_TRUE(a.low != c.low || a.high != c.high);
}

TEST(Bootstrap, ResamplesWithoutAValueAreLeftOut) {
  const auto odd_only =
      bootstrap(4, [](std::span<const std::uint32_t> indices) { return indices[0] % 2 == 1 ? 7.0 : std::nan(""); });
  EXPECT_EQ(odd_only.low, 7);
  EXPECT_EQ(odd_only.high, 7);
  EXPECT_TRUE(std::isnan(bootstrap(4, [](auto) { return std::nan(""); }).low));
}

TEST(RatioOfSums, WorkedExample) {
  // Over equal denominators it is a mean, with a mean's standard error.
  const Values a = {1, 2, 6}, ones = {1, 1, 1}, b = {1, 4, 5};
  EXPECT_DOUBLE_EQ(ratio_of_sums(a, ones).value, 3);
  EXPECT_NEAR(ratio_of_sums(a, ones).standard_error, standard_error(a), 1e-15);
  const Ratio ratio = ratio_of_sums(a, b);  // 9 / 10; residuals 0.1, -1.6, 1.5
  EXPECT_DOUBLE_EQ(ratio.value, 0.9);
  EXPECT_NEAR(ratio.standard_error, std::sqrt(3.0 / 2 * (0.01 + 2.56 + 2.25)) / 10, 1e-15);
  EXPECT_TRUE(std::isnan(ratio_of_sums(Values{1}, Values{2}).standard_error));
  EXPECT_ERROR(ratio_of_sums(a, Values{1, 2}), ErrorKind::kUsage, "metric_input");
  EXPECT_ERROR(ratio_of_sums(Values{1}, Values{0}), ErrorKind::kUsage, "metric_input");
}

TEST(PairedBootstrap, SeesASmallDifferenceThatUnpairedIntervalsHide) {
  Philox random(11);
  std::vector<Values> a(2), b(3);
  for (int i = 0; i < 300; ++i) {
    const double difficulty = random.below(1000) / 100.0;
    for (auto& seed : a) seed.push_back(difficulty + 0.1 + random.below(100) / 1000.0);
    for (auto& seed : b) seed.push_back(difficulty + random.below(100) / 1000.0);
  }
  const auto better = paired_bootstrap(a, b);
  EXPECT_NEAR(better.difference, 0.1, 0.01);
  EXPECT_GT(better.interval.low, 0.08);
  EXPECT_LT(better.interval.high, 0.12);
  EXPECT_LT(better.p_value, 0.01);
  const auto a_all = bootstrap_mean(a[0]), b_all = bootstrap_mean(b[0]);
  EXPECT_LT(a_all.low, b_all.high) << "the unpaired intervals overlap";
  const auto same = paired_bootstrap(a, a);
  EXPECT_EQ(same.difference, 0);
  EXPECT_GT(same.p_value, 0.5);
}

TEST(PairedBootstrap, AnAverageOverSetsIsSurerThanItsParts) {
  Philox random(12);
  std::vector<std::vector<Values>> a(4, std::vector<Values>(2)), b = a;
  std::vector<PairedSet> sets;
  double parts = 0, widest = 0;
  const auto width = [](const PairedResult& result) { return result.interval.high - result.interval.low; };
  for (size_t s = 0; s < a.size(); ++s) {
    for (size_t i = 0; i < 200 + 50 * s; ++i)
      for (size_t run = 0; run < 2; ++run) {
        a[s][run].push_back(random.below(1000) / 1000.0 + 0.2);
        b[s][run].push_back(random.below(1000) / 1000.0);
      }
    const auto statistic = [&a, &b, s](size_t system, size_t run, std::span<const uint32_t> indices) {
      double sum = 0;
      for (const auto i : indices) sum += (system == 0 ? a : b)[s][run][i];
      return sum / static_cast<double>(indices.size());
    };
    sets.push_back({.n = a[s][0].size(), .runs_a = 2, .runs_b = 2, .statistic = statistic});
    const auto one = paired_bootstrap({sets.back()}), same = paired_bootstrap(a[s], b[s]);
    EXPECT_EQ(one.interval.low, same.interval.low);
    parts += one.difference / 4;
    widest = std::max(widest, width(one));
  }
  const auto average = paired_bootstrap(sets);
  EXPECT_NEAR(average.difference, parts, 1e-12);
  EXPECT_LT(width(average), 0.75 * widest);  // half, were the sets of one size
  EXPECT_LT(average.interval.low, 0.2);
  EXPECT_GT(average.interval.high, 0.2);
  EXPECT_ERROR(paired_bootstrap(std::vector<PairedSet>{}), ErrorKind::kUsage, "metric_input");
}

TEST(GlueMetrics, EveryTaskHasItsMetrics) {
  using testing::ElementsAre;
  EXPECT_THAT(glue_metrics("cola"), ElementsAre("matthews"));
  EXPECT_THAT(glue_metrics("stsb"), ElementsAre("pearson", "spearman"));
  EXPECT_THAT(glue_metrics("mrpc"), ElementsAre("accuracy", "f1"));
  EXPECT_THAT(glue_metrics("qqp"), ElementsAre("accuracy", "f1"));
  for (const char* task : {"sst2", "mnli", "mnli_mismatched", "qnli", "rte", "wnli"})
    EXPECT_THAT(glue_metrics(task), ElementsAre("accuracy")) << task;
  EXPECT_EQ(glue_primary_metric("stsb"), "pearson");
  EXPECT_ERROR(glue_metrics("sst"), ErrorKind::kUsage, "glue_task_unknown");
}

TEST(GlueMetrics, ScoresAndCombines) {
  const Ids target = {1, 1, 0, 0, 1}, predicted = {1, 0, 0, 1, 1};
  const auto mrpc = glue_score("mrpc", Labels(target), Labels(predicted));
  ASSERT_EQ(mrpc.size(), 2u);
  EXPECT_DOUBLE_EQ(combined_score(mrpc), (0.6 + 2.0 / 3) / 2);
  const Values x = {1, 2, 3}, y = {1, 2, 4};
  const auto stsb = glue_score("stsb", Scores(x), Scores(y));
  EXPECT_EQ(stsb[1].name, "spearman");
  EXPECT_DOUBLE_EQ(stsb[1].value, 1);
  EXPECT_ERROR(glue_score("stsb", Labels(target), Labels(predicted)), ErrorKind::kUsage, "metric_task");
  EXPECT_ERROR(glue_score("rte", Scores(x), Scores(y)), ErrorKind::kUsage, "metric_task");
}

TEST(GlueMetrics, AverageCountsMnliOnceAndMissesNothing) {
  std::map<std::string, double> by_task = {{"cola", 1}, {"sst2", 2}, {"mrpc", 3},         {"qqp", 4},
                                           {"stsb", 5}, {"qnli", 7}, {"mnli_matched", 5}, {"mnli_mismatched", 7}};
  EXPECT_ERROR(glue_average(by_task, GlueAverage::kEight), ErrorKind::kUsage, "metric_input");
  by_task["rte"] = 8;
  EXPECT_DOUBLE_EQ(glue_average(by_task, GlueAverage::kEight), 36.0 / 8);
  EXPECT_ERROR(glue_average(by_task, GlueAverage::kNine), ErrorKind::kUsage, "metric_input");
  by_task["wnli"] = 9;
  EXPECT_DOUBLE_EQ(glue_average(by_task, GlueAverage::kNine), 5);
}

}  // namespace
}  // namespace frugal::metrics
