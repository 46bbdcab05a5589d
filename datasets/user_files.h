// One's own labelled sentences: TSV or JSONL with columns chosen by name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "datasets/text_dataset.h"

namespace frugal::datasets {

struct ColumnOptions {
  std::string sentence = "sentence";
  std::string pair = {};        // empty: single sentences
  std::string label = "label";  // empty: no labels
  std::string id = {};          // empty: the row number from 0
  bool regression = false;      // labels are finite numbers
  // Class names in order. Empty: the labels must be the integers 0..n-1, or are collected from the file and sorted.
  std::vector<std::string> label_names = {};
};

// A header line names the columns; cells are taken as they stand (no quoting), so a cell holds no tab or line break.
// Errors: kUsage `file_not_found`, `column_unknown` (lists the columns that exist); kBadData `dataset_row` with
// where = "file:line" (column count, empty or unknown label, bad UTF-8, NUL).
TextDataset load_tsv(const std::filesystem::path& path, const ColumnOptions& columns, const std::string& split);
// One JSON object a line; text fields are strings, labels strings or numbers. Errors as above.
TextDataset load_jsonl(const std::filesystem::path& path, const ColumnOptions& columns, const std::string& split);

}  // namespace frugal::datasets
