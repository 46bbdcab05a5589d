#include "core/profile/summary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "core/philox.h"
#include "tests/support/expect_error.h"

namespace frugal::profile {
namespace {

std::vector<double> one_to(int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

TEST(Summary, OrderStatisticsOfKnownValues) {
  const Summary s = summarise(one_to(101));
  EXPECT_EQ(s.n, 101U);
  EXPECT_DOUBLE_EQ(s.median, 51);
  EXPECT_DOUBLE_EQ(s.p90, 91);
  EXPECT_DOUBLE_EQ(s.p99, 100);
  EXPECT_DOUBLE_EQ(s.mad, 25);
}

// Ranks from the tables of the sign test (Conover, Practical Nonparametric Statistics, table A3; 95 %).
TEST(Summary, IntervalOfTheMedianTakesTheTabulatedRanks) {
  const struct {
    int n;
    double low, high;
  } cases[] = {{6, 1, 6}, {8, 1, 8}, {9, 2, 8}, {10, 2, 9}, {20, 6, 15}, {25, 8, 18}, {50, 18, 33}, {100, 40, 61}};
  for (const auto& c : cases) {
    const Summary s = summarise(one_to(c.n));
    ASSERT_TRUE(s.low && s.high) << c.n;
    EXPECT_EQ(*s.low, c.low) << c.n;
    EXPECT_EQ(*s.high, c.high) << c.n;
  }
  EXPECT_FALSE(summarise(one_to(5)).low) << "five values cannot give 95 %";
  EXPECT_TRUE(summarise(one_to(5), 0.9).low);
}

// The interval's promise, checked on a skewed distribution whose median is known: ln 2 of the exponential.
TEST(Summary, IntervalCoversTheMedianAsOftenAsItSays) {
  int covered = 0;
  constexpr int kTrials = 2000;
  for (int trial = 0; trial < kTrials; ++trial) {
    Philox random(11, static_cast<std::uint64_t>(trial));
    std::vector<double> values;
    for (int i = 0; i < 40; ++i) values.push_back(-std::log((random.next() + 0.5) / 4294967296.0));
    const Summary s = summarise(values);
    covered += *s.low <= std::log(2.0) && std::log(2.0) <= *s.high ? 1 : 0;
  }
  EXPECT_GE(covered, kTrials * 0.94);  // 95 % is the least; the ranks of n = 40 give 96.2 %
  EXPECT_LE(covered, kTrials * 0.98);
}

TEST(Summary, SpreadIsHalfTheIntervalOverTheMedian) {
  EXPECT_DOUBLE_EQ(*summarise(one_to(9)).relative_spread(), 3.0 / 5);
  EXPECT_FALSE(summarise(one_to(3)).relative_spread());
  EXPECT_EQ(summarise(std::vector<double>(10, 7.0)).relative_spread(), 0);
  EXPECT_FALSE(summarise(std::vector<double>(10, 0.0)).relative_spread()) << "no share of nothing";
}

TEST(Summary, RefusesNothing) {
  EXPECT_ERROR(summarise({}), ErrorKind::kUsage, "metric_input");
  EXPECT_ERROR(summarise(one_to(3), 1.0), ErrorKind::kUsage, "metric_input");
}

}  // namespace
}  // namespace frugal::profile
