#include "metrics/glue.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "metrics/statistics.h"

namespace frugal::metrics {

namespace {

constexpr std::array kTasks = {"cola", "sst2", "mrpc", "qqp", "stsb", "mnli", "qnli", "rte", "wnli"};

double score_one(const std::string& metric, Labels target, Labels predicted) {
  if (metric == "matthews") return matthews(target, predicted);
  if (metric == "f1") return f1_binary(target, predicted, 1);
  return accuracy(target, predicted);
}

[[noreturn]] void wrong_kind(std::string_view task, const char* wanted) {
  throw Error(ErrorKind::kUsage, "metric_task", cat("GLUE's ", task, " is scored on ", wanted));
}

}  // namespace

std::vector<std::string> glue_metrics(std::string_view task) {
  if (task == "mnli_matched" || task == "mnli_mismatched") return {"accuracy"};
  if (std::find(kTasks.begin(), kTasks.end(), task) == kTasks.end())
    throw Error(ErrorKind::kUsage, "glue_task_unknown", cat("GLUE has no task '", task, "'"), {},
                "one of cola sst2 mrpc qqp stsb mnli qnli rte wnli");
  if (task == "cola") return {"matthews"};
  if (task == "stsb") return {"pearson", "spearman"};
  if (task == "mrpc" || task == "qqp") return {"accuracy", "f1"};
  return {"accuracy"};
}

std::string glue_primary_metric(std::string_view task) {
  return glue_metrics(task).front();
}

std::vector<MetricValue> glue_score(std::string_view task, Labels target, Labels predicted) {
  if (task == "stsb") wrong_kind(task, "scores, not on classes");
  std::vector<MetricValue> values;
  for (const auto& metric : glue_metrics(task)) values.push_back({metric, score_one(metric, target, predicted)});
  return values;
}

std::vector<MetricValue> glue_score(std::string_view task, Scores target, Scores predicted) {
  if (glue_metrics(task).front() != "pearson") wrong_kind(task, "classes, not on scores");
  return {{"pearson", pearson(target, predicted)}, {"spearman", spearman(target, predicted)}};
}

double combined_score(std::span<const MetricValue> values) {
  std::vector<double> figures;
  for (const auto& value : values) figures.push_back(value.value);
  return mean(figures);
}

double glue_average(const std::map<std::string, double>& by_task, GlueAverage which) {
  double sum = 0;
  std::string missing;
  std::size_t count = 0;
  for (const std::string task : kTasks) {
    if (task == "wnli" && which == GlueAverage::kEight) continue;
    ++count;
    const auto at = by_task.find(task);
    const auto matched = by_task.find("mnli_matched"), mismatched = by_task.find("mnli_mismatched");
    if (at != by_task.end()) {
      sum += at->second;
    } else if (task == "mnli" && matched != by_task.end() && mismatched != by_task.end()) {
      sum += (matched->second + mismatched->second) / 2;
    } else {
      missing += cat(missing.empty() ? "" : ", ", task);
    }
  }
  if (!missing.empty()) throw Error(ErrorKind::kUsage, "metric_input", cat("the GLUE average lacks ", missing));
  return sum / static_cast<double>(count);
}

}  // namespace frugal::metrics
