#include "datasets/multiple_choice/benchmarks.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/philox.h"
#include "datasets/labels.h"
#include "datasets/multiple_choice/readers.h"

namespace frugal::datasets {
namespace {

namespace fs = std::filesystem;

// The first that exists of the names a split goes by: the official one, the hub's.
fs::path file_of(const Benchmark& benchmark, const fs::path& folder, const std::string& split,
                 const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (fs::exists(folder / name)) return folder / name;
  throw Error(ErrorKind::kUsage, "dataset_not_found",
              cat("no file of ", benchmark.name, "'s split ", split, "; tried ", list_of(names)), folder.string(),
              cat("hf download ", benchmark.hub, " --repo-type dataset, or the official files (docs/datasets.md)"));
}

fs::path folder_of(const Benchmark& benchmark, const fs::path& root) {
  for (const std::string& folder : benchmark.folders)
    if (fs::is_directory(root / folder)) return root / folder;
  throw Error(ErrorKind::kUsage, "dataset_not_found",
              cat("no folder of ", benchmark.name, "; tried ", list_of(benchmark.folders)), root.string(),
              cat("data.root=DIR where DIR holds one of them; hf download ", benchmark.hub,
                  " --repo-type dataset, or the official files (docs/datasets.md)"));
}

std::string capital(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

// Reads splits of one benchmark's folder and notes the files.
class Reader {
 public:
  Reader(const Benchmark& benchmark, const MultipleChoiceRequest& request)
      : benchmark_(benchmark), request_(request), folder_(folder_of(benchmark, request.root)) {}

  std::vector<Question> read(const std::string& split) {
    const std::string& name = benchmark_.name;
    if (name == "arc_easy" || name == "arc_challenge" || name == "openbookqa") {
      const std::string part = split == "validation" ? "dev" : split;
      std::vector<std::string> names = {split + ".jsonl"};
      if (part != split) names.push_back(part + ".jsonl");
      if (name != "openbookqa")
        names.push_back(cat(name == "arc_easy" ? "ARC-Easy-" : "ARC-Challenge-", capital(part), ".jsonl"));
      return read_science(file(split, names), name == "openbookqa" ? ScienceFormat::kOpenBookQa : ScienceFormat::kArc);
    }
    if (name == "piqa") {
      const std::string stem = split == "validation" ? "valid" : split;
      const fs::path questions = file(split, {stem + ".jsonl"});
      return read_piqa(questions, file(split, {stem + "-labels.lst"}));
    }
    if (name == "winogrande")
      return read_winogrande(split == "validation" ? file(split, {"dev.jsonl"})
                                                   : file(split, {"train_xl.jsonl", "train.jsonl"}));
    if (name == "hellaswag")
      return read_hellaswag(split == "validation" ? file(split, {"hellaswag_val.jsonl", "validation.jsonl"})
                                                  : file(split, {"hellaswag_train.jsonl", "train.jsonl"}));
    if (name == "sciq") return read_sciq(file(split, {split == "validation" ? "valid.json" : split + ".json"}));
    if (name == "race") return read_race(file(split, {cat(split == "validation" ? "dev" : split, "/high")}));
    return read_pubmedqa(file(split, {"ori_pqal.json"}), file(split, {"test_ground_truth.json"}), split == "test");
  }

  std::vector<Question> read_subject(const std::string& split, const std::string& subject) {
    const std::string part = split == "validation" ? "val" : split;
    return read_mmlu(file(split, {cat(part, "/", subject, "_", part, ".csv")}), subject, request_.prompt == "harness");
  }

  std::vector<SourceFile> sources;

 private:
  fs::path file(const std::string& split, const std::vector<std::string>& names) {
    fs::path path = file_of(benchmark_, folder_, split, names);
    if (fs::is_regular_file(path)) sources.push_back({.role = "dataset/" + split, .path = path});
    return path;
  }

  const Benchmark& benchmark_;
  const MultipleChoiceRequest& request_;
  fs::path folder_;
};

std::vector<MmluSubject> wanted_subjects(const MultipleChoiceRequest& request) {
  const auto all = mmlu_subjects();
  if (request.subjects.empty()) return {all.begin(), all.end()};
  std::vector<MmluSubject> wanted;
  for (const std::string& name : request.subjects) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.name == name; });
    if (found == all.end())
      throw Error(ErrorKind::kUsage, "subject_unknown", cat("MMLU has no subject '", name, "'"), "dataset.subjects",
                  "a name as in the file names, e.g. college_biology");
    wanted.push_back(*found);
  }
  return wanted;
}

void load_mmlu(const MultipleChoiceRequest& request, Reader& reader, const Benchmark& benchmark,
               MultipleChoiceDataset& dataset) {
  if (request.prompt != "harness" && request.prompt != "hendrycks")
    throw Error(ErrorKind::kUsage, "bad_value",
                cat("'prompt' must be harness or hendrycks, found '", request.prompt, "'"), "dataset.prompt");
  for (const MmluSubject& subject : wanted_subjects(request)) {
    const std::string name(subject.name);
    std::vector<Question> questions = reader.read_subject(dataset.split, name);
    for (Question& question : questions) {
      question.subject = dataset.subjects.size();
      dataset.questions.push_back(std::move(question));
    }
    dataset.subjects.push_back({.name = name,
                                .category = std::string(subject.category),
                                .description = mmlu_description(name, request.prompt == "harness"),
                                .examples = {}});
    if (request.examples) dataset.subjects.back().examples = reader.read_subject(benchmark.example_split, name);
  }
}

}  // namespace

std::span<const Benchmark> benchmarks() {
  static const Benchmark all[] = {
      {"arc_easy",
       {"qa/ARC-Easy", "ARC-Easy", "ARC-V1-Feb2018-2/ARC-Easy"},
       {"test", "validation", "train"},
       "train",
       "acc_norm",
       "allenai/ai2_arc"},
      {"arc_challenge",
       {"qa/ARC-Challenge", "ARC-Challenge", "ARC-V1-Feb2018-2/ARC-Challenge"},
       {"test", "validation", "train"},
       "train",
       "acc_norm",
       "allenai/ai2_arc"},
      {"openbookqa",
       {"qa/OpenBookQA", "OpenBookQA", "OpenBookQA-V1-Sep2018/Data/Main"},
       {"test", "validation", "train"},
       "train",
       "acc_norm",
       "allenai/openbookqa"},
      {"piqa",
       {"qa/PIQA", "PIQA", "physicaliqa-train-dev"},
       {"validation", "train"},
       "train",
       "acc_norm",
       "baber/piqa"},
      {"winogrande",
       {"qa/WinoGrande", "WinoGrande", "winogrande_1.1"},
       {"validation", "train"},
       "train",
       "acc",
       "allenai/winogrande"},
      {"hellaswag",
       {"qa/HellaSwag", "HellaSwag", "hellaswag"},
       {"validation", "train"},
       "train",
       "acc_norm",
       "Rowan/hellaswag"},
      {"sciq",
       {"qa/SciQ", "SciQ", "SciQ dataset-2 3"},
       {"test", "validation", "train"},
       "train",
       "acc_norm",
       "allenai/sciq"},
      {"race", {"qa/RACE", "RACE"}, {"test", "validation", "train"}, "", "acc", "EleutherAI/race"},
      {"pubmedqa", {"qa/PubMedQA", "PubMedQA", "pubmedqa/data"}, {"test", "train"}, "train", "acc", "bigbio/pubmed_qa"},
      {"mmlu", {"mmlu", "MMLU", "data"}, {"test", "validation", "dev"}, "dev", "acc", "cais/mmlu"},
  };
  return all;
}

const Benchmark& benchmark_named(std::string_view name) {
  std::vector<std::string> names;
  for (const Benchmark& benchmark : benchmarks()) {
    if (benchmark.name == name) return benchmark;
    names.push_back(benchmark.name);
  }
  throw Error(ErrorKind::kUsage, "benchmark_unknown", cat("no benchmark '", name, "'"), {},
              cat("one of ", list_of(names)));
}

MultipleChoiceDataset load_multiple_choice(const MultipleChoiceRequest& request) {
  const Benchmark& benchmark = benchmark_named(request.benchmark);
  MultipleChoiceDataset dataset{.name = request.benchmark,
                                .split = request.split.empty() ? benchmark.splits.front() : request.split};
  if (std::find(benchmark.splits.begin(), benchmark.splits.end(), dataset.split) == benchmark.splits.end())
    throw Error(ErrorKind::kUsage, "split_unknown", cat(benchmark.name, " has no split '", dataset.split, "'"), {},
                cat("one of ", list_of(benchmark.splits)));
  Reader reader(benchmark, request);
  if (benchmark.name == "mmlu") {
    load_mmlu(request, reader, benchmark, dataset);
  } else {
    dataset.questions = reader.read(dataset.split);
    dataset.subjects.push_back({.name = dataset.name});
    if (request.examples && !benchmark.example_split.empty())
      dataset.subjects.back().examples = reader.read(benchmark.example_split);
  }
  dataset.sources = std::move(reader.sources);
  return dataset;
}

std::string few_shot_prefix(const Subject& subject, std::size_t shots, ExampleOrder order, std::uint64_t seed) {
  if (shots > subject.examples.size())
    throw Error(ErrorKind::kUsage, "too_few_examples",
                cat(shots, " examples are asked for, and ", subject.name, " has ", subject.examples.size()),
                "dataset.shots");
  std::vector<std::size_t> chosen(subject.examples.size());
  std::iota(chosen.begin(), chosen.end(), 0);
  if (order == ExampleOrder::kDrawn) {
    Philox random(seed);
    for (std::size_t i = 0; i < shots; ++i)
      std::swap(chosen[i], chosen[i + random.below(static_cast<std::uint32_t>(chosen.size() - i))]);
  }
  std::string prefix = subject.description;
  for (std::size_t i = 0; i < shots; ++i) {
    const Question& example = subject.examples[chosen[i]];
    const Choice& right = example.choices[example.target];
    prefix += right.context + right.continuation + "\n\n";
  }
  return prefix;
}

}  // namespace frugal::datasets
