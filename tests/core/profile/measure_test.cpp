#include "core/profile/measure.h"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>

#include "tests/support/expect_error.h"

namespace frugal::profile {
namespace {

constexpr std::int64_t kMs = 1'000'000;

// Time passes only while something is measured, by what the work says it takes.
class FakeTimer final : public Timer {
 public:
  std::string_view name() const override { return "fake"; }
  std::int64_t now_ns() override { return now_; }
  std::int64_t time_ns(const Work& work) override {
    const std::int64_t before = now_;
    work();
    return now_ - before;
  }
  // Work whose call number i takes ns(i).
  Work takes(std::function<std::int64_t(int)> ns, std::string* order = nullptr, char mark = ' ') {
    return [this, ns = std::move(ns), order, mark, i = 0]() mutable {
      now_ += ns(i++);
      if (order != nullptr) *order += mark;
    };
  }

 private:
  std::int64_t now_ = 1;
};

class FakeMonitor final : public DeviceMonitor {
 public:
  explicit FakeMonitor(std::function<DeviceState(int)> state = [](int) { return DeviceState{}; })
      : state_(std::move(state)) {}
  DeviceState read() override { return state_(readings++); }
  int readings = 0;

 private:
  std::function<DeviceState(int)> state_;
};

Measured measure_one(const Work& work, const Rule& rule, FakeTimer& timer, DeviceMonitor& monitor) {
  const Subject subjects[] = {{.name = "forward", .work = work}};
  return measure(subjects, rule, timer, monitor);
}

TEST(Measure, StopsWhenTheMedianIsKnown) {
  FakeTimer timer;
  FakeMonitor monitor;
  // 100 ms each, so half a second and ten samples are there after ten rounds; the first call is slow.
  const auto m = measure_one(timer.takes([](int i) { return (i == 0 ? 900 : 100) * kMs; }), {}, timer, monitor);
  const Measurement& one = m.subjects.at(0);
  EXPECT_EQ(one.stop, StopReason::kSpread);
  EXPECT_TRUE(one.valid) << one.reason;
  EXPECT_EQ(one.samples.size(), 13U);
  EXPECT_EQ(one.steady.n, 10U);
  EXPECT_EQ(one.steady.median, 100 * kMs);
  EXPECT_EQ(one.first_call_ns(), 900 * kMs);
  for (std::size_t i = 0; i < one.samples.size(); ++i) EXPECT_EQ(one.samples[i].cold, i < 3) << i;
  EXPECT_FALSE(m.ratio);
}

TEST(Measure, WaitsForTheLeastTime) {
  FakeTimer timer;
  FakeMonitor monitor;
  const auto m = measure_one(timer.takes([](int) { return kMs; }), {.min_seconds = 0.2}, timer, monitor);
  EXPECT_GE(m.subjects[0].steady.n, 200U);
  EXPECT_LE(m.subjects[0].steady.n, 220U) << "looks come at every tenth of growth";
  EXPECT_EQ(m.subjects[0].stop, StopReason::kSpread);
}

TEST(Measure, NoisyTimesEndAtTheTimeLimitAndAreInvalid) {
  FakeTimer timer;
  FakeMonitor monitor;
  // Half of the calls take twice as long: the median's interval spans both.
  const auto m =
      measure_one(timer.takes([](int i) { return (i % 2 + 1) * 10 * kMs; }), {.time_limit = 3}, timer, monitor);
  const Measurement& one = m.subjects[0];
  EXPECT_EQ(one.stop, StopReason::kTimeLimit);
  EXPECT_FALSE(one.valid);
  EXPECT_NE(one.reason.find("the median is known to +-33.3 % only"), std::string::npos) << one.reason;
  EXPECT_EQ(one.steady.n, 200U);
}

TEST(Measure, SlightlyNoisyTimesEndAtALimitAndAreValid) {
  FakeTimer timer;
  FakeMonitor monitor;
  const auto work = timer.takes([](int i) { return (i % 2 == 0 ? 100 : 102) * kMs; });
  const auto m = measure_one(work, {.max_samples = 40, .time_limit = 100}, timer, monitor);
  EXPECT_EQ(m.subjects[0].stop, StopReason::kSampleLimit);
  EXPECT_EQ(m.subjects[0].steady.n, 40U);
  EXPECT_TRUE(m.subjects[0].valid) << m.subjects[0].reason;
}

TEST(Measure, TooFewSamplesInTheTimeAreInvalid) {
  FakeTimer timer;
  FakeMonitor monitor;
  const auto m = measure_one(timer.takes([](int) { return 4000 * kMs; }), {}, timer, monitor);
  EXPECT_EQ(m.subjects[0].stop, StopReason::kTimeLimit);
  EXPECT_FALSE(m.subjects[0].valid);
  EXPECT_NE(m.subjects[0].reason.find("only 3 samples"), std::string::npos) << m.subjects[0].reason;
}

TEST(Measure, AClockThatStandsStillIsSaid) {
  FakeTimer timer;
  FakeMonitor monitor;
  const auto m = measure_one(timer.takes([](int) { return 0; }), {.max_samples = 20}, timer, monitor);
  EXPECT_FALSE(m.subjects[0].valid);
  EXPECT_NE(m.subjects[0].reason.find("too coarse"), std::string::npos) << m.subjects[0].reason;
}

TEST(Measure, ThrottledSamplesAreMarkedAndLeftOut) {
  FakeTimer timer;
  // Reading 0 ends the warm-up; the third one (after the second 60 ms sample) says throttled.
  FakeMonitor monitor([](int i) {
    return DeviceState{.clock_mhz = 1000.0 + i,
                       .throttled = i == 2 ? std::vector<std::string>{"heat"} : std::vector<std::string>{},
                       .power_capped = i == 3};
  });
  const auto work = timer.takes([](int i) { return i == 4 ? 600 * kMs : 60 * kMs; });
  const auto m = measure_one(work, {.max_samples = 30}, timer, monitor);
  const Measurement& one = m.subjects[0];
  EXPECT_TRUE(one.samples[4].throttled);
  EXPECT_FALSE(one.samples[4].valid);
  EXPECT_FALSE(one.samples[3].throttled);
  EXPECT_FALSE(one.samples[5].throttled);
  EXPECT_EQ(one.steady.n + 1, one.samples.size() - 3);
  EXPECT_EQ(one.steady.p99, 60 * kMs) << "the throttled sample is no part of the figures";
  EXPECT_FALSE(one.valid);
  EXPECT_NE(one.reason.find("throttled in 1 of"), std::string::npos) << one.reason;
  EXPECT_EQ(one.clock_mhz_low, 1001.0) << "readings during the steady part";
  EXPECT_TRUE(one.power_capped);
}

TEST(Measure, RisingThrottleCountsOfTheCpuAreThrottling) {
  FakeTimer timer;
  FakeMonitor monitor([](int i) { return DeviceState{.throttle_events = i < 4 ? 17 : 18}; });
  const auto m = measure_one(timer.takes([](int) { return 60 * kMs; }), {}, timer, monitor);
  EXPECT_FALSE(m.subjects[0].valid);
  EXPECT_TRUE(m.subjects[0].samples[6].throttled);
  EXPECT_FALSE(m.subjects[0].samples[5].throttled);
  EXPECT_FALSE(m.subjects[0].samples[7].throttled) << "only a rise counts";
}

TEST(Measure, TheMonitorIsNotReadBetweenShortSamples) {
  FakeTimer timer;
  FakeMonitor monitor;
  const auto m = measure_one(timer.takes([](int) { return kMs / 10; }), {.max_samples = 1000}, timer, monitor);
  EXPECT_EQ(m.subjects[0].steady.n, 1000U);
  EXPECT_LT(monitor.readings, 60);
}

TEST(Measure, TwoSubjectsAlternateAndDriftCancelsInTheirRatio) {
  FakeTimer timer;
  FakeMonitor monitor;
  std::string order;
  // Everything becomes slower and slower; the second always takes 1.5 times the first.
  const auto drift = [](double factor) {
    return [factor](int i) { return static_cast<std::int64_t>(factor * (100 + i) * kMs); };
  };
  const Subject subjects[] = {{.name = "a", .work = timer.takes(drift(1.0), &order, 'a')},
                              {.name = "b", .work = timer.takes(drift(1.5), &order, 'b')}};
  const auto m = measure(subjects, {.warmup = 2, .time_limit = 10}, timer, monitor);
  EXPECT_TRUE(
      order.starts_with("abba"
                        "abbaabba"))
      << order;
  ASSERT_TRUE(m.ratio);
  EXPECT_DOUBLE_EQ(m.ratio->median, 1.5);
  EXPECT_DOUBLE_EQ(*m.ratio->low, 1.5);
  EXPECT_DOUBLE_EQ(*m.ratio->high, 1.5);
  EXPECT_GT(*m.subjects[0].steady.relative_spread(), 0.01) << "each by itself is not known as well";
  EXPECT_EQ(m.ratio->n, m.subjects[0].steady.n);
}

TEST(Measure, WhatTheHookThrowsEndsTheMeasuring) {
  FakeTimer timer;
  FakeMonitor monitor;
  const Subject subjects[] = {{.name = "a", .work = timer.takes([](int) { return kMs; })}};
  int rounds = 0;
  EXPECT_THROW(measure(subjects, {}, timer, monitor,
                       [&] {
                         if (++rounds == 5) throw std::runtime_error("signal");
                       }),
               std::runtime_error);
  EXPECT_EQ(rounds, 5);
}

TEST(Measure, RefusesRulesThatCannotHold) {
  FakeTimer timer;
  FakeMonitor monitor;
  const Work nothing = [] {};
  EXPECT_ERROR(measure({}, {}, timer, monitor), ErrorKind::kUsage, "bad_value");
  for (const Rule& rule : {Rule{.warmup = -1}, Rule{.min_samples = 0}, Rule{.min_samples = 9, .max_samples = 8},
                           Rule{.time_limit = 0}, Rule{.relative_spread = 0}, Rule{.confidence = 1}})
    EXPECT_ERROR(measure_one(nothing, rule, timer, monitor), ErrorKind::kUsage, "bad_value");
}

TEST(Energy, IsTheCountersRiseOverTheCalls) {
  FakeTimer timer;
  FakeMonitor monitor([](int i) { return DeviceState{.energy_j = 100.0 + 50.0 * i}; });
  const Subject subject{.name = "a", .work = timer.takes([](int) { return 100 * kMs; })};
  EXPECT_DOUBLE_EQ(*energy_per_call(subject, 1.0, timer, monitor), 5.0) << "50 J over 10 calls";
  FakeMonitor silent;
  EXPECT_FALSE(energy_per_call(subject, 1.0, timer, silent));
  FakeMonitor stuck([](int) { return DeviceState{.energy_j = 100}; });
  EXPECT_FALSE(energy_per_call(subject, 1.0, timer, stuck));
}

TEST(Rule, SaysItself) {
  EXPECT_EQ(Rule{}.text(),
            "median +-0.5 % (95 %), at least 10 samples and 0.5 s; at most 10 s or 10000 samples; 3 cold");
}

TEST(SteadyTimer, SynchronisesBeforeAndAfterTheWork) {
  std::string order;
  SteadyTimer timer([&] { order += 's'; });
  EXPECT_GE(timer.time_ns([&] { order += 'w'; }), 0);
  EXPECT_EQ(order, "sws");
  const std::int64_t now = timer.now_ns();
  EXPECT_GE(timer.now_ns(), now);
}

}  // namespace
}  // namespace frugal::profile
