// Perplexities and divergences of documents, with intervals over them.
#pragma once

#include <string>
#include <vector>

#include "core/run/worker_loop.h"
#include "experiments/likelihood/rolling.h"

namespace frugal {

// A function of sum(a) / sum(b): monotone, with its derivative for the standard error.
struct Rate {
  std::string name, unit = {};
  results::Direction direction = results::Direction::kLowerIsBetter;
  double (*of)(double ratio) = [](double r) { return r; };
  double (*slope)(double ratio) = [](double) { return 1.0; };
};
// exp(-ratio): a is a log-likelihood.
Rate perplexity_rate(const std::string& name);

// The metric with its standard error (linearised) and a bootstrap interval, both over documents.
void record_rate(run::RunContext& run, const Rate& rate, const std::vector<double>& a, const std::vector<double>& b);
// token_perplexity and, with a teacher, teacher_token_perplexity, kl (nat a token), agreement (share of tokens).
void record_token_rates(run::RunContext& run, const std::vector<DocumentScore>& scores, bool with_teacher);

}  // namespace frugal
