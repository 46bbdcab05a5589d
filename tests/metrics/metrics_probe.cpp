// Lets a Python test call the metrics: one JSON request a line on stdin, one JSON answer a line on stdout.
//   {"metric": name, "target": [...], "predicted": [...]} -> a number, or null for NaN
#include <iostream>
#include <nlohmann/json.hpp>

#include "metrics/classification.h"
#include "metrics/correlation.h"
#include "metrics/statistics.h"

namespace {

using Json = nlohmann::json;
using namespace frugal::metrics;

double classes(const std::string& metric, const Json& request) {
  const auto target = request["target"].get<std::vector<std::int64_t>>();
  const auto predicted = request["predicted"].get<std::vector<std::int64_t>>();
  if (metric == "accuracy") return accuracy(target, predicted);
  if (metric == "f1_binary") return f1_binary(target, predicted);
  if (metric == "f1_macro") return f1_macro(target, predicted);
  return matthews(target, predicted);
}

double scores(const std::string& metric, const Json& request) {
  const auto target = request["target"].get<std::vector<double>>();
  if (metric == "standard_error") return standard_error(target);
  if (metric == "quantile") {
    auto sorted = target;
    std::sort(sorted.begin(), sorted.end());
    return quantile_sorted(sorted, request["q"].get<double>());
  }
  const auto predicted = request["predicted"].get<std::vector<double>>();
  return metric == "pearson" ? pearson(target, predicted) : spearman(target, predicted);
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto request = Json::parse(line);
    const auto metric = request["metric"].get<std::string>();
    const bool on_scores =
        metric == "pearson" || metric == "spearman" || metric == "standard_error" || metric == "quantile";
    std::cout << Json(on_scores ? scores(metric, request) : classes(metric, request)).dump() << '\n';
  }
  return 0;
}
