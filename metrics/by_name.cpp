#include "metrics/by_name.h"

#include <cstdint>
#include <vector>

#include "metrics/classification.h"
#include "metrics/correlation.h"

namespace frugal::metrics {

std::optional<double> score_by_name(std::string_view metric, std::span<const double> targets,
                                    std::span<const double> predictions) {
  if (metric == "pearson") return pearson(targets, predictions);
  if (metric == "spearman") return spearman(targets, predictions);
  const auto classes = [](std::span<const double> values) {
    return std::vector<std::int64_t>(values.begin(), values.end());
  };
  const auto target = classes(targets), predicted = classes(predictions);
  if (metric == "accuracy") return accuracy(target, predicted);
  if (metric == "f1") return f1_binary(target, predicted);
  if (metric == "f1_macro") return f1_macro(target, predicted);
  if (metric == "matthews") return matthews(target, predicted);
  return std::nullopt;
}

}  // namespace frugal::metrics
