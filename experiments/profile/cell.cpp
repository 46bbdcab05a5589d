#include "experiments/profile/cell.h"

#include <limits>

#include "core/error.h"

namespace frugal {
namespace {

using results::ColumnType;
using results::Direction;
using results::Repeat;

constexpr double kNsToMs = 1e-6;
constexpr double kBytesToMiB = 1.0 / (1024.0 * 1024.0);
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

results::Column varying(std::string name, std::string unit, std::string description,
                        ColumnType type = ColumnType::kDouble) {
  return {.name = std::move(name),
          .type = type,
          .unit = std::move(unit),
          .description = std::move(description),
          .repeat = Repeat::kMayVary};
}

std::optional<double> times(const std::optional<double>& value, double factor) {
  if (!value) return std::nullopt;
  return *value * factor;
}

double per_second(const CellSubject& subject) {
  const profile::Summary& s = subject.latency.steady;
  return s.n == 0 || subject.tokens.processed == 0 ? kNan
                                                   : 1e9 * static_cast<double>(subject.tokens.processed) / s.median;
}

double per_step(const CellSubject& subject) {
  const profile::Summary& s = subject.latency.steady;
  return s.n == 0 || subject.tokens.steps == 0 ? kNan : s.median * kNsToMs / static_cast<double>(subject.tokens.steps);
}

void record_row(const Cell& cell, const CellSubject& subject, results::Recorder& recorder) {
  const profile::Measurement& m = subject.latency;
  const bool measured = m.steady.n > 0;
  const auto ms = [&](double ns) { return measured ? ns * kNsToMs : kNan; };
  recorder.sample({cat(cell.name(), "/", subject.name),
                   cell.mode,
                   cell.size.batch,
                   cell.size.length,
                   subject.name,
                   m.valid ? "VALID" : "INVALID",
                   m.reason,
                   profile::name(m.stop),
                   m.steady.n,
                   ms(m.steady.median),
                   times(m.steady.low, kNsToMs).value_or(kNan),
                   times(m.steady.high, kNsToMs).value_or(kNan),
                   m.steady.relative_spread().value_or(kNan),
                   ms(m.steady.p90),
                   ms(m.steady.p99),
                   ms(m.steady.mad),
                   static_cast<double>(m.first_call_ns()) * kNsToMs,
                   m.clock_mhz_low.value_or(kNan),
                   m.clock_mhz_high.value_or(kNan),
                   m.power_capped,
                   static_cast<double>(subject.memory.activation_bytes) * kBytesToMiB,
                   static_cast<double>(subject.memory.static_bytes) * kBytesToMiB,
                   static_cast<double>(subject.memory.peak_bytes) * kBytesToMiB,
                   subject.joules.value_or(kNan),
                   per_second(subject),
                   per_step(subject),
                   subject.tokens.cache_bytes,
                   subject.tokens.cache_bytes_per_token});
}

void record_metrics(const Cell& cell, const CellSubject& subject, results::Recorder& recorder) {
  const std::string prefix = cat(subject.name == "model" ? "" : subject.name + "/", cell.name(), "/");
  const auto record = [&](const std::string& name, double value, const std::string& unit, results::Metric more = {}) {
    more.name = prefix + name;
    more.value = value;
    more.unit = unit;
    if (more.direction == Direction::kNone) more.direction = Direction::kLowerIsBetter;
    more.repeat = Repeat::kMayVary;
    recorder.metric(more);
  };
  const profile::Summary& s = subject.latency.steady;
  if (s.n > 0) {
    record("median", s.median * kNsToMs, "ms",
           {.ci_low = times(s.low, kNsToMs), .ci_high = times(s.high, kNsToMs), .count = static_cast<int64_t>(s.n)});
    record("p90", s.p90 * kNsToMs, "ms");
    record("p99", s.p99 * kNsToMs, "ms");
    record("mad", s.mad * kNsToMs, "ms");
  }
  record("activation_memory", static_cast<double>(subject.memory.activation_bytes) * kBytesToMiB, "MiB");
  record("static_memory", static_cast<double>(subject.memory.static_bytes) * kBytesToMiB, "MiB");
  record("peak_memory", static_cast<double>(subject.memory.peak_bytes) * kBytesToMiB, "MiB");
  if (subject.joules) record("energy", *subject.joules, "J");
  if (subject.tokens.processed > 0 && s.n > 0) {
    record("tokens_per_second", per_second(subject), "1/s", {.direction = Direction::kHigherIsBetter});
    record("step", per_step(subject), "ms");
  }
  if (subject.tokens.cache_bytes_per_token > 0) {
    record("cache_bytes", static_cast<double>(subject.tokens.cache_bytes), "B");
    record("cache_bytes_per_token", static_cast<double>(subject.tokens.cache_bytes_per_token), "B");
  }
  if (!subject.trace) return;
  record("operators", subject.trace->operators, "", {.count = subject.trace->calls});
  if (subject.trace->kernels == 0) return;
  record("kernels", subject.trace->kernels, "", {.count = subject.trace->calls});
  record("device_busy", subject.trace->device_ms, "ms", {.count = subject.trace->calls});
}

}  // namespace

std::string Cell::name() const {
  return cat(mode, "/b", size.batch, "/s", size.length);
}

void declare_cells(results::Recorder& recorder) {
  results::Column status = varying("status", "", "whether the times can be believed", ColumnType::kEnum);
  status.labels = {"VALID", "INVALID"};
  recorder.declare_samples(
      {{.name = "id", .type = ColumnType::kString, .description = "mode/batch/length/subject"},
       {.name = "mode", .type = ColumnType::kString, .description = "forward, train_step, prefill or decode"},
       {.name = "batch", .type = ColumnType::kInt64, .description = "examples a call"},
       {.name = "length", .type = ColumnType::kInt64, .unit = "tokens", .description = "of every sequence"},
       {.name = "subject", .type = ColumnType::kString, .description = "model or baseline"},
       status,
       varying("reason", "", "why it is INVALID", ColumnType::kString),
       varying("stop_reason", "", "spread: the rule holds; else the limit that came before", ColumnType::kString),
       varying("n", "", "valid steady samples", ColumnType::kInt64),
       varying("median", "ms", "of a call"),
       varying("ci_low", "ms", "95 % interval of the median"),
       varying("ci_high", "ms", "95 % interval of the median"),
       varying("relative_spread", "", "half of that interval over the median"),
       varying("p90", "ms", "nine of ten calls are faster"),
       varying("p99", "ms", "99 of 100 calls are faster"),
       varying("mad", "ms", "median absolute deviation, not scaled"),
       varying("first_call", "ms", "the coldest call at this size"),
       varying("clock_low", "MHz", "lowest reading"),
       varying("clock_high", "MHz", "highest reading"),
       varying("power_capped", "", "the power limit held clocks down", ColumnType::kBool),
       varying("activation_memory", "MiB", "peak of a call beyond weights, gradients, optimiser state and inputs"),
       varying("static_memory", "MiB",
               "weights and the table of a cache; in training gradients and optimiser state, too"),
       varying("peak_memory", "MiB", "static memory, inputs and activations"),
       varying("energy", "J", "a call; NaN where the device does not tell"),
       varying("tokens_per_second", "1/s", "of all sequences, at the median; NaN but for language models"),
       varying("step", "ms", "the median over a call's steps, one after the other; NaN but for language models"),
       {.name = "cache_bytes", .type = ColumnType::kInt64, .unit = "B", .description = "of the stored tokens, exact"},
       {.name = "cache_bytes_per_token", .type = ColumnType::kInt64, .unit = "B", .description = "of one sequence"}});
}

void record_cell(const Cell& cell, const profile::Rule& rule, results::Recorder& recorder) {
  for (const CellSubject& subject : cell.subjects) {
    for (const auto& row : subject.latency.samples) recorder.timing(row);
    const profile::Measurement& m = subject.latency;
    recorder.timing_rule(m.name, rule.text(),
                         cat(profile::name(m.stop), m.valid ? ", VALID" : ", INVALID: " + m.reason));
    record_row(cell, subject, recorder);
    record_metrics(cell, subject, recorder);
  }
  if (cell.speedup)
    recorder.metric({.name = cell.name() + "/speedup",
                     .value = cell.speedup->median,
                     .direction = Direction::kHigherIsBetter,
                     .ci_low = cell.speedup->low,
                     .ci_high = cell.speedup->high,
                     .count = static_cast<int64_t>(cell.speedup->n),
                     .repeat = Repeat::kMayVary});
}

}  // namespace frugal
