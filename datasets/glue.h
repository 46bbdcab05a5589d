// The nine GLUE tasks (Wang et al., 2018), from the official TSV layout or from Hugging Face's columns as JSONL.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/text_dataset.h"

namespace frugal::datasets {

struct GlueTask {
  std::string_view name;           // Hugging Face's: cola sst2 mrpc qqp stsb mnli qnli rte wnli
  std::string_view folder;         // official: CoLA SST-2 MRPC QQP STS-B MNLI QNLI RTE WNLI
  std::string_view first, second;  // Hugging Face's column names; second empty for single sentences
  bool regression;
  std::vector<std::string> label_names;  // in Hugging Face's order (MNLI: entailment, neutral, contradiction)
  std::vector<std::string> splits;       // train dev test; MNLI: train dev_matched dev_mismatched test_matched ...
};

std::span<const GlueTask> glue_tasks();
// By either name, letter case aside. Error(kUsage, "glue_task_unknown") that lists the tasks.
const GlueTask& glue_task(std::string_view name);

// Reads one split. The folder is the first that exists of <root>/glue/<Folder>, <root>/<Folder>, <root>/glue/<name>,
// <root>/<name>; in it, per split, the official TSV (or, for MRPC, msr_paraphrase_{train,test}.txt), else
// <split>.jsonl with Hugging Face's columns (validation.jsonl and validation_matched.jsonl are read as dev).
// TSV: UTF-8, optional BOM, tab-separated, quotes are text. Test splits give examples without labels.
// MRPC's dev split from msr_paraphrase_train.txt needs dev_ids.tsv; without it `dev` is an error that proposes `test`
// or a seeded split, and `train` and `test` say in their notes that they are Microsoft's and not GLUE's.
// Errors: kUsage `dataset_not_found` (folders and files tried, how to get the data), `split_unknown`;
// kBadData `dataset_row` with where = "file:line".
TextDataset load_glue(const std::filesystem::path& root, std::string_view task, std::string_view split);

// Class ids reordered to a model's own label names (pitfall of checkpoints with another label2id): result[i] is the
// model's id of dataset label i, matched without letter case; empty optional unless both sets of names are equal.
std::optional<std::vector<std::int64_t>> remap_labels(std::span<const std::string> dataset_names,
                                                      std::span<const std::string> model_names);

}  // namespace frugal::datasets
