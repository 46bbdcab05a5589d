// Metrics of predictions by the names that result files use, for comparisons after the runs.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace frugal::metrics {

// accuracy, f1, f1_macro, matthews (class indices), pearson, spearman (scores); nothing for another name.
// Errors as the metric itself.
std::optional<double> score_by_name(std::string_view metric, std::span<const double> targets,
                                    std::span<const double> predictions);

}  // namespace frugal::metrics
