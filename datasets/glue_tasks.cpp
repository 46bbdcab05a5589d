#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/text.h"
#include "datasets/glue.h"

namespace frugal::datasets {

namespace {

const std::vector<std::string> kSplits = {"train", "dev", "test"};
const std::vector<std::string> kMnliSplits = {"train", "dev_matched", "dev_mismatched", "test_matched",
                                              "test_mismatched"};

// Names and label order: the Hugging Face data set nyu-mll/glue.
const std::array<GlueTask, 9> kTasks = {{
    {"cola", "CoLA", "sentence", "", false, {"unacceptable", "acceptable"}, kSplits},
    {"sst2", "SST-2", "sentence", "", false, {"negative", "positive"}, kSplits},
    {"mrpc", "MRPC", "sentence1", "sentence2", false, {"not_equivalent", "equivalent"}, kSplits},
    {"qqp", "QQP", "question1", "question2", false, {"not_duplicate", "duplicate"}, kSplits},
    {"stsb", "STS-B", "sentence1", "sentence2", true, {}, kSplits},
    {"mnli", "MNLI", "premise", "hypothesis", false, {"entailment", "neutral", "contradiction"}, kMnliSplits},
    {"qnli", "QNLI", "question", "sentence", false, {"entailment", "not_entailment"}, kSplits},
    {"rte", "RTE", "sentence1", "sentence2", false, {"entailment", "not_entailment"}, kSplits},
    {"wnli", "WNLI", "sentence1", "sentence2", false, {"not_entailment", "entailment"}, kSplits},
}};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return result;
}

}  // namespace

std::span<const GlueTask> glue_tasks() {
  return kTasks;
}

const GlueTask& glue_task(std::string_view name) {
  for (const auto& task : kTasks)
    if (lower(name) == task.name || lower(name) == lower(task.folder)) return task;
  throw Error(ErrorKind::kUsage, "glue_task_unknown", cat("GLUE has no task '", name, "'"), {},
              "one of " + joined(kTasks, " ", &GlueTask::name));
}

std::optional<std::vector<std::int64_t>> remap_labels(std::span<const std::string> dataset_names,
                                                      std::span<const std::string> model_names) {
  if (dataset_names.size() != model_names.size()) return std::nullopt;
  std::vector<std::int64_t> result;
  for (const auto& name : dataset_names) {
    const auto same = [&](const std::string& other) { return lower(other) == lower(name); };
    if (std::count_if(model_names.begin(), model_names.end(), same) != 1) return std::nullopt;
    result.push_back(std::find_if(model_names.begin(), model_names.end(), same) - model_names.begin());
  }
  return result;
}

}  // namespace frugal::datasets
