#include "metrics/classification.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"

namespace frugal::metrics {

namespace {

void check(Labels target, Labels predicted) {
  if (target.empty() || target.size() != predicted.size())
    throw Error(ErrorKind::kUsage, "metric_input",
                cat("expected two lists of one length above 0, found ", target.size(), " targets and ",
                    predicted.size(), " predictions"));
}

}  // namespace

double accuracy(Labels target, Labels predicted) {
  check(target, predicted);
  std::size_t equal = 0;
  for (std::size_t i = 0; i < target.size(); ++i) equal += target[i] == predicted[i] ? 1 : 0;
  return static_cast<double>(equal) / static_cast<double>(target.size());
}

double f1_binary(Labels target, Labels predicted, std::int64_t positive) {
  check(target, predicted);
  std::size_t true_positive = 0, wrong = 0;  // wrong: false positives and false negatives
  for (std::size_t i = 0; i < target.size(); ++i) {
    const bool is = target[i] == positive, said = predicted[i] == positive;
    true_positive += is && said ? 1 : 0;
    wrong += is != said ? 1 : 0;
  }
  const auto denominator = 2 * true_positive + wrong;
  return denominator == 0 ? 0 : 2 * static_cast<double>(true_positive) / static_cast<double>(denominator);
}

double f1_macro(Labels target, Labels predicted) {
  check(target, predicted);
  std::set<std::int64_t> classes(target.begin(), target.end());
  classes.insert(predicted.begin(), predicted.end());
  double sum = 0;
  for (const auto c : classes) sum += f1_binary(target, predicted, c);
  return sum / static_cast<double>(classes.size());
}

// Gorodkin's form for any number of classes: (c s - sum p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2)).
double matthews(Labels target, Labels predicted) {
  check(target, predicted);
  std::map<std::int64_t, std::pair<double, double>> counts;  // class -> times in target, times predicted
  double correct = 0;
  for (std::size_t i = 0; i < target.size(); ++i) {
    counts[target[i]].first += 1;
    counts[predicted[i]].second += 1;
    correct += target[i] == predicted[i] ? 1 : 0;
  }
  const auto n = static_cast<double>(target.size());
  double both = 0, targets = 0, predictions = 0;
  for (const auto& [label, count] : counts) {
    both += count.first * count.second;
    targets += count.first * count.first;
    predictions += count.second * count.second;
  }
  const double denominator = (n * n - predictions) * (n * n - targets);
  return denominator == 0 ? 0 : (correct * n - both) / std::sqrt(denominator);
}

}  // namespace frugal::metrics
