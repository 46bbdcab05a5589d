#include "experiments/recording.h"

#include "metrics/statistics.h"

namespace frugal {

void record_mean(run::RunContext& run, const std::string& name, const std::vector<double>& values,
                 results::Direction direction, const std::string& sample_column) {
  const auto interval = metrics::bootstrap_mean(values, {.seed = run.seeds.seed("bootstrap")});
  results::Metric metric{.name = name,
                         .value = metrics::mean(values),
                         .direction = direction,
                         .ci_low = interval.low,
                         .ci_high = interval.high,
                         .count = static_cast<int64_t>(values.size()),
                         .sample_column = sample_column};
  if (values.size() > 1) metric.standard_error = metrics::standard_error(values);
  run.recorder.metric(metric);
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void record_seconds(run::RunContext& run, const std::string& name, double seconds) {
  run.recorder.metric({.name = name,
                       .value = seconds,
                       .unit = "s",
                       .direction = results::Direction::kLowerIsBetter,
                       .repeat = results::Repeat::kMayVary});
}

}  // namespace frugal
