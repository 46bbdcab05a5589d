// The multiple-choice benchmarks of the field, from their official files, as prompts of lm-evaluation-harness 0.4.13.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/multiple_choice/question.h"

namespace frugal::datasets {

struct Benchmark {
  std::string name;                  // the harness's: arc_easy, arc_challenge, openbookqa, piqa, winogrande, ...
  std::vector<std::string> folders;  // below the data root, the first that exists
  std::vector<std::string> splits;   // the first is what is scored
  std::string example_split;         // where few-shot examples come from; "": the benchmark has none
  std::string metric;                // what papers quote: acc or acc_norm
  std::string hub;                   // Hugging Face data set
};

std::span<const Benchmark> benchmarks();
// Error(kUsage, "benchmark_unknown") that lists them.
const Benchmark& benchmark_named(std::string_view name);

struct MultipleChoiceRequest {
  std::filesystem::path root;
  std::string benchmark;
  std::string split = {};                  // "": the benchmark's first
  bool examples = false;                   // read the split of few-shot examples, too
  std::vector<std::string> subjects = {};  // MMLU: these only; empty: all 57
  // MMLU: "harness", or "hendrycks" for the prompts of the original code (two spaces before the subject, questions as
  // they stand).
  std::string prompt = "harness";
};

// Errors: kUsage `benchmark_unknown`, `split_unknown`, `subject_unknown`, `dataset_not_found` (how to get it); kBadData
// `dataset_row` with where = "file:line".
MultipleChoiceDataset load_multiple_choice(const MultipleChoiceRequest& request);

// The first `shots` examples of a subject, or `shots` drawn by `seed`, one after the other behind its description: what
// stands before every question of the subject. Error(kUsage, "too_few_examples").
enum class ExampleOrder { kFirst, kDrawn };
std::string few_shot_prefix(const Subject& subject, std::size_t shots, ExampleOrder order, std::uint64_t seed);

}  // namespace frugal::datasets
