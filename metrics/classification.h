// Scores of class predictions, equal to scikit-learn's on the same input.
// Spans hold class ids; both have one length. Every function: Error(kUsage, "metric_input") for an empty or uneven
// pair of spans.
#pragma once

#include <cstdint>
#include <span>

namespace frugal::metrics {

using Labels = std::span<const std::int64_t>;

// Share of equal entries, in [0, 1].
double accuracy(Labels target, Labels predicted);
// 2 TP / (2 TP + FP + FN) of one class; 0 when it is in neither span (zero_division=0).
double f1_binary(Labels target, Labels predicted, std::int64_t positive = 1);
// Mean of f1 over the classes that appear in either span.
double f1_macro(Labels target, Labels predicted);
// Matthews correlation, any number of classes, in [-1, 1]; 0 when its denominator is 0.
double matthews(Labels target, Labels predicted);

}  // namespace frugal::metrics
