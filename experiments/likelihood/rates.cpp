#include "experiments/likelihood/rates.h"

#include <cmath>

#include "metrics/ratio.h"
#include "metrics/statistics.h"

namespace frugal {
namespace {

double perplexity(double mean_log) {
  return std::exp(-mean_log);
}

// d exp(-r) / dr, up to its sign.
constexpr auto perplexity_slope = perplexity;

}  // namespace

Rate perplexity_rate(const std::string& name) {
  return {.name = name, .of = perplexity, .slope = perplexity_slope};
}

void record_rate(run::RunContext& run, const Rate& rate, const std::vector<double>& a, const std::vector<double>& b) {
  const metrics::Ratio ratio = metrics::ratio_of_sums(a, b);
  const auto resampled = [&](std::span<const uint32_t> documents) {
    double above = 0, below = 0;
    for (const uint32_t i : documents) {
      above += a[i];
      below += b[i];
    }
    return rate.of(above / below);
  };
  const auto interval = metrics::bootstrap(a.size(), resampled, {.seed = run.seeds.seed("bootstrap")});
  results::Metric metric{.name = rate.name,
                         .value = rate.of(ratio.value),
                         .unit = rate.unit,
                         .direction = rate.direction,
                         .ci_low = interval.low,
                         .ci_high = interval.high,
                         .count = static_cast<int64_t>(a.size())};
  if (a.size() > 1) metric.standard_error = std::abs(rate.slope(ratio.value)) * ratio.standard_error;
  run.recorder.metric(metric);
}

void record_token_rates(run::RunContext& run, const std::vector<DocumentScore>& scores, bool with_teacher) {
  std::vector<double> loglik, tokens, teacher, kl, agreed;
  for (const DocumentScore& score : scores) {
    loglik.push_back(score.log_likelihood);
    tokens.push_back(static_cast<double>(score.tokens));
    teacher.push_back(score.teacher_log_likelihood);
    kl.push_back(score.kl);
    agreed.push_back(static_cast<double>(score.agreed));
  }
  record_rate(run, perplexity_rate("token_perplexity"), loglik, tokens);
  if (!with_teacher) return;
  record_rate(run, perplexity_rate("teacher_token_perplexity"), teacher, tokens);
  record_rate(run, {.name = "kl", .unit = "nat"}, kl, tokens);
  record_rate(run, {.name = "agreement", .direction = results::Direction::kHigherIsBetter}, agreed, tokens);
}

}  // namespace frugal
