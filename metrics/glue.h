// Which metrics a GLUE task reports and how they combine.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/classification.h"
#include "metrics/correlation.h"

namespace frugal::metrics {

struct MetricValue {
  std::string name;  // accuracy f1 matthews pearson spearman
  double value = 0;
};

// cola: matthews; stsb: pearson spearman; mrpc, qqp: accuracy f1; the others: accuracy. The first one selects
// checkpoints. Error(kUsage, "glue_task_unknown") for another name.
std::vector<std::string> glue_metrics(std::string_view task);
// The metric that the literature after LoRA tabulates: matthews, pearson, else accuracy.
std::string glue_primary_metric(std::string_view task);

// Scores of a classification task. Error(kUsage, "metric_task") for stsb.
std::vector<MetricValue> glue_score(std::string_view task, Labels target, Labels predicted);
// Scores of stsb. Error(kUsage, "metric_task") for the others.
std::vector<MetricValue> glue_score(std::string_view task, Scores target, Scores predicted);

// Mean of a task's metrics (Hugging Face's combined_score).
double combined_score(std::span<const MetricValue> values);

enum class GlueAverage { kEight, kNine };  // without and with WNLI
// Mean over tasks of one figure a task; mnli counts once (mnli_matched and mnli_mismatched are averaged when `mnli` is
// absent). Error(kUsage, "metric_input") that names the tasks which are missing: an average never skips one silently.
double glue_average(const std::map<std::string, double>& by_task, GlueAverage which);

}  // namespace frugal::metrics
