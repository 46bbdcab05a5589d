#include "metrics/info.h"

namespace frugal::metrics {
namespace {

constexpr MetricInfo kMetrics[] = {
    {"accuracy", "share of right classes, 0 to 1"},
    {"f1", "2 TP / (2 TP + FP + FN) of the positive class (MRPC, QQP)"},
    {"f1_macro", "mean of F1 over the classes"},
    {"matthews", "Matthews correlation of classes, -1 to 1 (CoLA)"},
    {"pearson", "Pearson correlation of scores, -1 to 1 (STS-B)"},
    {"spearman", "correlation of ranks, -1 to 1 (STS-B)"},
};

}  // namespace

std::span<const MetricInfo> metric_infos() {
  return kMetrics;
}

}  // namespace frugal::metrics
