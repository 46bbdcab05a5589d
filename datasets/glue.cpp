#include "datasets/glue.h"

#include <algorithm>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "datasets/glue_tsv.h"
#include "datasets/labels.h"
#include "datasets/table_file.h"

namespace frugal::datasets {

namespace {

namespace fs = std::filesystem;

constexpr const char* kMrpcNote =
    "Microsoft's own split: GLUE cuts its dev set out of msr_paraphrase_train.txt by dev_ids.tsv, which is not here; "
    "figures on it are not GLUE dev figures";

std::string how_to_get(const fs::path& root) {
  return cat(
      "hf download nyu-mll/glue --repo-type dataset --local-dir glue-parquet && python scripts/prepare_glue.py "
      "glue-parquet ",
      (root / "glue").string());
}

fs::path find_folder(const fs::path& root, const GlueTask& task) {
  const fs::path tried[] = {root / "glue" / task.folder, root / task.folder, root / "glue" / task.name,
                            root / task.name};
  for (const auto& folder : tried)
    if (fs::is_directory(folder)) return folder;
  const std::string list = joined(tried, ", ", [](const fs::path& folder) { return folder.string(); });
  throw Error(ErrorKind::kUsage, "dataset_not_found", cat("no folder of GLUE's ", task.folder, "; tried ", list),
              root.string(), how_to_get(root));
}

// "validation_matched" -> "dev_matched"; checked against the task's splits.
std::string split_of(const GlueTask& task, std::string_view split) {
  std::string name(split);
  if (name.starts_with("validation")) name.replace(0, 10, "dev");
  if (std::find(task.splits.begin(), task.splits.end(), name) == task.splits.end())
    throw Error(ErrorKind::kUsage, "split_unknown", cat(task.name, " has no split '", split, "'"), {},
                cat("one of ", list_of(task.splits)));
  return name;
}

std::string validation_name(const std::string& split) {
  return split.starts_with("dev") ? "validation" + split.substr(3) : split;
}

void read_glue_jsonl(const fs::path& path, const GlueTask& task, TextDataset& dataset) {
  LineFile lines(path);
  std::string_view line;
  const auto text = [&](const nlohmann::json& row, std::string_view key) {
    const auto at = row.find(std::string(key));
    if (at == row.end() || !at->is_string()) lines.fail(cat("the text '", key, "' is missing"));
    return at->get<std::string>();
  };
  while (lines.next(line)) {
    const auto row = parse_object(lines, line);
    Example example;
    example.id =
        row.contains("idx") && row["idx"].is_number_unsigned() ? row["idx"].dump() : std::to_string(lines.number() - 1);
    example.sentence = text(row, task.first);
    if (!task.second.empty()) example.pair = text(row, task.second);
    if (row.contains("label")) example.label = json_label(lines, row["label"], task.label_names, task.regression, 0, 5);
    if (!example.labelled() && !dataset.split.starts_with("test")) lines.fail("the label is missing");
    dataset.examples.push_back(std::move(example));
  }
}

using IdPair = std::pair<std::string, std::string>;

std::set<IdPair> read_dev_ids(const fs::path& path) {
  std::set<IdPair> ids;
  TsvFile file(path, false, 2);
  std::vector<std::string_view> cells;
  while (file.next(cells)) {
    if (cells.size() != 2) file.lines().fail(cat("expected 2 tab-separated ids, found ", cells.size(), " cells"));
    ids.emplace(cells[0], cells[1]);
  }
  return ids;
}

// MRPC as Microsoft ships it. False when these files are not there.
bool load_msr_paraphrase(const fs::path& folder, const GlueTask& task, TextDataset& dataset) {
  const bool test = dataset.split == "test";
  const auto path = folder / (test ? "msr_paraphrase_test.txt" : "msr_paraphrase_train.txt");
  if (task.name != "mrpc" || !fs::exists(path)) return false;
  const auto ids_path = folder / "dev_ids.tsv";
  const bool has_ids = fs::exists(ids_path);
  if (dataset.split == "dev" && !has_ids)
    throw Error(ErrorKind::kUsage, "dataset_not_found",
                "GLUE's MRPC dev split is chosen from msr_paraphrase_train.txt by dev_ids.tsv, which is not here",
                ids_path.string(), "split=test (Microsoft's, labelled), or a seeded split of train");
  std::set<IdPair> ids;
  if (!test && has_ids) {
    ids = read_dev_ids(ids_path);
    dataset.sources.push_back({cat("dataset/", dataset.split, "/ids"), ids_path});
  }
  const bool want = dataset.split == "dev";
  RowFilter keep;
  if (!test && has_ids)
    keep = [&](std::string_view a, std::string_view b) {
      return ids.contains({std::string(a), std::string(b)}) == want;
    };
  read_glue_tsv(path, task, test, dataset, keep);
  dataset.sources.push_back({cat("dataset/", dataset.split), path});
  if (!has_ids) dataset.notes.emplace_back(kMrpcNote);
  return true;
}

}  // namespace

TextDataset load_glue(const fs::path& root, std::string_view task_name, std::string_view split_name) {
  const auto& task = glue_task(task_name);
  TextDataset dataset;
  dataset.task = task.name;
  dataset.split = split_of(task, split_name);
  dataset.label_names = task.label_names;
  dataset.regression = task.regression;
  const auto folder = find_folder(root, task);

  const auto use = [&](const fs::path& path) { dataset.sources.push_back({cat("dataset/", dataset.split), path}); };
  if (const auto path = folder / (dataset.split + ".tsv"); fs::exists(path)) {
    read_glue_tsv(path, task, dataset.split.starts_with("test"), dataset);
    use(path);
    return dataset;
  }
  for (const auto& name : {dataset.split, validation_name(dataset.split)})
    if (const auto path = folder / (name + ".jsonl"); fs::exists(path)) {
      read_glue_jsonl(path, task, dataset);
      use(path);
      return dataset;
    }
  if (load_msr_paraphrase(folder, task, dataset)) return dataset;
  throw Error(ErrorKind::kUsage, "dataset_not_found",
              cat("no ", dataset.split, ".tsv and no ", dataset.split, ".jsonl of GLUE's ", task.folder),
              folder.string(), how_to_get(root));
}

}  // namespace frugal::datasets
