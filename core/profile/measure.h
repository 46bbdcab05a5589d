// The measuring rule: warm up, repeat until the median is known well enough or a limit comes, say which of both, and
// say whether the figure can be believed. docs/measuring.md has it in words.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/profile/monitor.h"
#include "core/profile/summary.h"
#include "core/profile/timer.h"
#include "core/results/types.h"

namespace frugal::profile {

struct Rule {
  std::int64_t warmup = 3;           // calls of each subject that count as cold, >= 0
  std::int64_t min_samples = 10;     // steady samples of each subject, >= 1
  std::int64_t max_samples = 10000;  // >= min_samples
  double min_seconds = 0.5;          // sum of a subject's steady samples
  double time_limit = 10;            // seconds of the clock from the first steady sample, all subjects together
  double relative_spread = 0.005;    // Summary::relative_spread() of every subject, and of the ratio to the baseline
  double believable_spread = 0.05;   // a figure whose interval is wider than this is INVALID
  double confidence = 0.95;

  // "median +-0.5 % (95 %), at least 10 samples and 0.5 s; at most 10 s or 10000 samples; 3 cold"
  std::string text() const;
};

// spread: the rule holds. The others are limits that came before.
enum class StopReason { kSpread, kTimeLimit, kSampleLimit };
std::string_view name(StopReason reason);  // "spread", "time_limit", "sample_limit"

struct Subject {
  std::string name;
  Work work;
};

struct Measurement {
  std::string name;
  // In the order taken; phase is `name`, index counts all calls of this subject. A sample is not `valid` where the
  // device was throttled or the clock gave nothing.
  std::vector<results::TimingRow> samples;
  Summary steady;  // nanoseconds, valid steady samples only; n = 0 where there is none
  StopReason stop = StopReason::kSpread;
  bool valid = true;
  std::string reason;                                   // why it is INVALID, else ""
  std::optional<double> clock_mhz_low, clock_mhz_high;  // over the readings during steady samples
  bool power_capped = false;

  std::int64_t first_call_ns() const;  // the coldest one; 0 without samples
};

struct Measured {
  std::vector<Measurement> subjects;  // in the order given
  // Of two subjects: time of the second over time of the first, pair by pair (a pair was taken back to back, so slow
  // drift of the machine cancels), n pairs of valid steady samples. None for one subject, or without valid pairs.
  std::optional<Summary> ratio;
};

// Called after every round, outside the timed region: to ask for signals, to show progress. What it throws passes.
using AfterRound = std::function<void()>;

// Times each subject once a round; with two, A B then B A, so that neither is always the first. The spread is looked at
// whenever the samples have grown by a tenth, not after each one, which would stop too early by chance.
// The monitor is read at least every 50 ms of measuring; samples between two readings count as throttled when the later
// one says so (or CPU throttle events have risen). Error(kUsage, "bad_value") for a rule out of range or no or more
// than two subjects.
Measured measure(std::span<const Subject> subjects, const Rule& rule, Timer& timer, DeviceMonitor& monitor,
                 const AfterRound& after_round = {});

// Joules a call: the subject by itself, again and again for `seconds`, over the device's energy counter. None where the
// device has no counter or it did not move.
std::optional<double> energy_per_call(const Subject& subject, double seconds, Timer& timer, DeviceMonitor& monitor,
                                      const AfterRound& after_round = {});

}  // namespace frugal::profile
