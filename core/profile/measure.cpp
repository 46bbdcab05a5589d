#include "core/profile/measure.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"

namespace frugal::profile {
namespace {

constexpr std::int64_t kReadingEveryNs = 50'000'000;

void check(std::span<const Subject> subjects, const Rule& rule) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw Error(ErrorKind::kUsage, "bad_value", what, "measuring rule");
  };
  require(subjects.size() == 1 || subjects.size() == 2, "one or two subjects can be measured together");
  require(rule.warmup >= 0 && rule.min_samples >= 1, "warm-up must be at least 0 and min_samples at least 1");
  require(rule.max_samples >= rule.min_samples, "max_samples must be at least min_samples");
  require(rule.min_seconds >= 0 && rule.time_limit > 0, "min_seconds must be at least 0 and the time limit positive");
  require(rule.relative_spread > 0 && rule.believable_spread > 0, "spreads must be positive");
  require(rule.confidence > 0 && rule.confidence < 1, "the confidence must lie between 0 and 1");
}

bool steady_and_valid(const results::TimingRow& row) {
  return !row.cold && row.valid;
}

std::vector<double> steady_ns(const Measurement& m) {
  std::vector<double> values;
  for (const auto& row : m.samples)
    if (steady_and_valid(row)) values.push_back(static_cast<double>(row.ns));
  return values;
}

std::string percent(double share) {
  std::ostringstream text;
  text.precision(3);
  text << share * 100 << " %";
  return text.str();
}

class Session {
 public:
  Session(std::span<const Subject> subjects, const Rule& rule, Timer& timer, DeviceMonitor& monitor)
      : subjects_(subjects), rule_(rule), timer_(timer), monitor_(monitor), unread_(subjects.size(), 0) {
    for (const auto& subject : subjects) measured_.subjects.push_back({.name = subject.name});
  }

  Measured run(const AfterRound& after_round) {
    for (std::int64_t i = 0; i < rule_.warmup; ++i) {
      round(i, /*cold=*/true);
      if (after_round) after_round();
    }
    read_device();  // what came before is the warm-up's
    const std::int64_t begin = timer_.now_ns();
    for (std::int64_t i = 0;; ++i) {
      round(i, /*cold=*/false);
      if (after_round) after_round();
      if (timer_.now_ns() - last_reading_ns_ >= kReadingEveryNs) read_device();
      if (const auto reason = stop_reason(i + 1, begin)) {
        finish(*reason);
        return std::move(measured_);
      }
    }
  }

 private:
  void round(std::int64_t index, bool cold) {
    const bool backwards = index % 2 == 1;
    for (std::size_t i = 0; i < subjects_.size(); ++i) {
      const std::size_t s = backwards ? subjects_.size() - 1 - i : i;
      Measurement& m = measured_.subjects[s];
      const std::int64_t ns = timer_.time_ns(subjects_[s].work);
      m.samples.push_back({.phase = m.name,
                           .index = static_cast<std::int64_t>(m.samples.size()),
                           .ns = ns,
                           .cold = cold,
                           .valid = ns > 0});
    }
  }

  void read_device() {
    const DeviceState state = monitor_.read();
    last_reading_ns_ = timer_.now_ns();
    const bool more_events = state.throttle_events && throttle_events_ && *state.throttle_events > *throttle_events_;
    const bool throttled = more_events || !state.throttled.empty();
    throttle_events_ = state.throttle_events;
    for (std::size_t s = 0; s < measured_.subjects.size(); ++s) {
      Measurement& m = measured_.subjects[s];
      bool steady = false;
      for (std::size_t i = unread_[s]; i < m.samples.size(); ++i) {
        m.samples[i].throttled = throttled;
        m.samples[i].valid = m.samples[i].valid && !throttled;
        steady = steady || !m.samples[i].cold;
      }
      unread_[s] = m.samples.size();
      if (!steady) continue;
      if (state.clock_mhz) {
        m.clock_mhz_low = std::min(m.clock_mhz_low.value_or(*state.clock_mhz), *state.clock_mhz);
        m.clock_mhz_high = std::max(m.clock_mhz_high.value_or(*state.clock_mhz), *state.clock_mhz);
      }
      m.power_capped = m.power_capped || state.power_capped;
    }
  }

  std::optional<StopReason> stop_reason(std::int64_t rounds, std::int64_t begin) {
    if (rounds >= rule_.min_samples && rounds >= next_look_) {
      next_look_ = rounds + std::max<std::int64_t>(1, rounds / 10);
      read_device();  // samples that throttling spoils must not count as proof
      if (spread_reached()) return StopReason::kSpread;
    }
    if (rounds >= rule_.max_samples) return StopReason::kSampleLimit;
    if (static_cast<double>(timer_.now_ns() - begin) >= rule_.time_limit * 1e9) return StopReason::kTimeLimit;
    return std::nullopt;
  }

  bool spread_reached() const {
    const auto tight = [&](const std::optional<Summary>& summary) {
      const auto spread = summary ? summary->relative_spread() : std::nullopt;
      return spread && *spread <= rule_.relative_spread;
    };
    for (const auto& m : measured_.subjects) {
      const auto values = steady_ns(m);
      double sum = 0;
      for (const double ns : values) sum += ns;
      if (static_cast<std::int64_t>(values.size()) < rule_.min_samples || sum < rule_.min_seconds * 1e9) return false;
      if (!tight(summarise(values, rule_.confidence))) return false;
    }
    return subjects_.size() < 2 || tight(ratio());
  }

  std::optional<Summary> ratio() const {
    std::vector<double> ratios;
    const auto& a = measured_.subjects[0].samples;
    const auto& b = measured_.subjects[1].samples;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (steady_and_valid(a[i]) && steady_and_valid(b[i]))
        ratios.push_back(static_cast<double>(b[i].ns) / static_cast<double>(a[i].ns));
    if (ratios.empty()) return std::nullopt;
    return summarise(ratios, rule_.confidence);
  }

  void finish(StopReason reason) {
    read_device();
    for (auto& m : measured_.subjects) {
      m.stop = reason;
      if (const auto values = steady_ns(m); !values.empty()) m.steady = summarise(values, rule_.confidence);
      m.reason = fault_of(m);
      m.valid = m.reason.empty();
    }
    if (subjects_.size() == 2) measured_.ratio = ratio();
  }

  std::string fault_of(const Measurement& m) const {
    const auto steady = std::count_if(m.samples.begin(), m.samples.end(), [](const auto& row) { return !row.cold; });
    const auto throttled =
        std::count_if(m.samples.begin(), m.samples.end(), [](const auto& row) { return !row.cold && row.throttled; });
    if (throttled > 0) return cat("clocks were throttled in ", throttled, " of ", steady, " samples");
    if (static_cast<std::int64_t>(m.steady.n) < steady) return "the clock is too coarse: samples took no time";
    if (static_cast<std::int64_t>(m.steady.n) < rule_.min_samples)
      return cat("only ", m.steady.n, " samples came within the time limit, ", rule_.min_samples, " are asked for");
    const auto spread = m.steady.relative_spread();
    if (!spread) return cat(m.steady.n, " samples give no interval");
    if (*spread > rule_.believable_spread)
      return cat("the median is known to +-", percent(*spread), " only, more than ", percent(rule_.believable_spread));
    return {};
  }

  std::span<const Subject> subjects_;
  const Rule& rule_;
  Timer& timer_;
  DeviceMonitor& monitor_;
  Measured measured_;
  std::vector<std::size_t> unread_;  // a subject's first sample since the last reading
  std::optional<std::int64_t> throttle_events_;
  std::int64_t last_reading_ns_ = 0, next_look_ = 0;
};

}  // namespace

std::string Rule::text() const {
  return cat("median +-", percent(relative_spread), " (", percent(confidence), "), at least ", min_samples,
             " samples and ", min_seconds, " s; at most ", time_limit, " s or ", max_samples, " samples; ", warmup,
             " cold");
}

std::string_view name(StopReason reason) {
  switch (reason) {
    case StopReason::kSpread:
      return "spread";
    case StopReason::kTimeLimit:
      return "time_limit";
    case StopReason::kSampleLimit:
      return "sample_limit";
  }
  return "";
}

std::int64_t Measurement::first_call_ns() const {
  return samples.empty() ? 0 : samples.front().ns;
}

Measured measure(std::span<const Subject> subjects, const Rule& rule, Timer& timer, DeviceMonitor& monitor,
                 const AfterRound& after_round) {
  check(subjects, rule);
  return Session(subjects, rule, timer, monitor).run(after_round);
}

std::optional<double> energy_per_call(const Subject& subject, double seconds, Timer& timer, DeviceMonitor& monitor,
                                      const AfterRound& after_round) {
  timer.time_ns(subject.work);  // ends what others left on the device
  const auto before = monitor.read().energy_j;
  if (!before) return std::nullopt;
  const std::int64_t begin = timer.now_ns();
  std::int64_t calls = 0;
  while (calls == 0 || static_cast<double>(timer.now_ns() - begin) < seconds * 1e9) {
    timer.time_ns(subject.work);
    ++calls;
    if (after_round) after_round();
  }
  const auto after = monitor.read().energy_j;
  if (!after || !(*after > *before)) return std::nullopt;
  return (*after - *before) / static_cast<double>(calls);
}

}  // namespace frugal::profile
