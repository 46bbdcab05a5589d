#include "datasets/glue_tsv.h"

#include <array>

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/labels.h"
#include "datasets/table_file.h"

namespace frugal::datasets {

namespace {

// Columns of the official files (Wang et al., 2018; the readers of transformers and of Hugging Face's glue.py).
struct TsvColumns {
  std::string_view task, first, second, label;
  bool label_is_digit;  // "0" "1" in the file; else the label's name
};
constexpr std::array kColumns = {
    TsvColumns{"cola", "sentence", "", "label", true},  // train and dev have no header, see below
    TsvColumns{"sst2", "sentence", "", "label", true},
    TsvColumns{"mrpc", "#1 String", "#2 String", "Quality", true},
    TsvColumns{"qqp", "question1", "question2", "is_duplicate", true},
    TsvColumns{"stsb", "sentence1", "sentence2", "score", false},
    TsvColumns{"mnli", "sentence1", "sentence2", "gold_label", false},
    TsvColumns{"qnli", "question", "sentence", "label", false},
    TsvColumns{"rte", "sentence1", "sentence2", "label", false},
    TsvColumns{"wnli", "sentence1", "sentence2", "label", true},
};
constexpr std::size_t kColaColumns = 4, kColaLabel = 1, kColaSentence = 3;

// Where the cells of a row are; found once a file.
struct Places {
  std::size_t first = 0;
  std::optional<std::size_t> second = {}, label = {}, index = {}, first_id = {}, second_id = {};
};

Places find_places(const TsvFile& file, const TsvColumns& columns, bool test) {
  const auto need = [&](std::string_view name) {
    const auto at = file.column(name);
    if (!at) file.lines().fail(cat("the header has no column '", name, "'; it has ", list_of(file.columns())));
    return *at;
  };
  Places places;
  places.first = need(columns.first);
  if (!columns.second.empty()) places.second = need(columns.second);
  places.label = test ? file.column(columns.label) : need(columns.label);
  places.index = file.column("index");
  places.first_id = file.column("#1 ID");
  places.second_id = file.column("#2 ID");
  return places;
}

Label parse_label(const LineFile& lines, std::string_view text, const GlueTask& task, bool digit) {
  if (task.regression) return parse_score(lines, text, 0, 5);
  const auto count = static_cast<std::int64_t>(task.label_names.size());
  const auto index = digit ? parse_index(text) : index_of(task.label_names, text);
  if (!index || *index >= count) {
    const auto known = digit ? cat("0..", count - 1) : list_of(task.label_names);
    lines.fail(cat("expected a label of ", known, ", found '", io::printable(text, 64), "'"));
  }
  return *index;
}

// GLUE's own reader skips QQP rows that are too short (they come from line breaks in questions); no other task has any.
bool skip_short(const TsvFile& file, const GlueTask& task, std::size_t cells) {
  if (cells == file.width()) return false;
  if (task.name == "qqp" && cells < file.width()) return true;
  file.lines().fail(cat("expected ", file.width(), " tab-separated cells, found ", cells));
}

}  // namespace

void read_glue_tsv(const std::filesystem::path& path, const GlueTask& task, bool test, TextDataset& dataset,
                   const RowFilter& keep) {
  const auto& columns = kColumns[static_cast<std::size_t>(&task - glue_tasks().data())];
  const bool header = task.name != "cola" || test;
  TsvFile file(path, header, kColaColumns);
  const auto places = header ? find_places(file, columns, test) : Places{.first = kColaSentence, .label = kColaLabel};
  if (keep && !(places.first_id && places.second_id)) file.lines().fail("the header has no columns '#1 ID', '#2 ID'");
  std::vector<std::string_view> cells;
  std::size_t skipped = 0;
  for (std::size_t row = 0; file.next(cells); ++row) {
    if (skip_short(file, task, cells.size())) {
      ++skipped;
      continue;
    }
    if (keep && !keep(cells[*places.first_id], cells[*places.second_id])) continue;
    Example example;
    example.id = places.index ? std::string(cells[*places.index]) : std::to_string(row);
    example.sentence = cells[places.first];
    if (places.second) example.pair = std::string(cells[*places.second]);
    if (places.label) example.label = parse_label(file.lines(), cells[*places.label], task, columns.label_is_digit);
    dataset.examples.push_back(std::move(example));
  }
  if (skipped > 0) dataset.notes.push_back(cat(skipped, " short rows of ", path.filename().string(), " skipped"));
}

}  // namespace frugal::datasets
