#include "datasets/user_files.h"

#include <algorithm>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/labels.h"
#include "datasets/table_file.h"

namespace frugal::datasets {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A label as text, with the line it stands on: classes are numbered only when all labels of the file are known.
struct RawLabel {
  std::string text;
  std::size_t line = 0;
};

[[noreturn]] void column_unknown(const std::filesystem::path& path, const std::string& column,
                                 std::span<const std::string> known) {
  throw Error(ErrorKind::kUsage, "column_unknown", cat("there is no column '", column, "'"), path.string(),
              cat("one of ", list_of(known)));
}

// 0..n-1 when every label is an integer, else the distinct labels in byte order.
std::vector<std::string> collect_names(const std::vector<RawLabel>& labels) {
  std::set<std::string> names;
  std::int64_t highest = -1;
  bool integers = true;
  for (const auto& label : labels) {
    if (label.text.empty()) continue;
    names.insert(label.text);
    const auto index = parse_index(label.text);
    integers = integers && index && *index < 100'000;
    if (integers) highest = std::max(highest, *index);
  }
  if (!integers) return {names.begin(), names.end()};
  std::vector<std::string> result;
  for (std::int64_t i = 0; i <= highest; ++i) result.push_back(std::to_string(i));
  return result;
}

// Turns the file's labels into class ids. An empty text means no label.
void number_labels(const std::filesystem::path& path, const std::vector<RawLabel>& labels, TextDataset& dataset) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].text.empty()) continue;
    auto index = index_of(dataset.label_names, labels[i].text);
    if (!index) index = parse_index(labels[i].text);
    if (!index || *index >= static_cast<std::int64_t>(dataset.label_names.size()))
      throw Error(ErrorKind::kBadData, "dataset_row",
                  cat("the label '", io::printable(labels[i].text, 64), "' is none of ", list_of(dataset.label_names)),
                  cat(path.string(), ":", labels[i].line));
    dataset.examples[i].label = *index;
  }
}

TextDataset start(const std::filesystem::path& path, const ColumnOptions& columns, const std::string& split) {
  TextDataset dataset;
  dataset.task = path.stem().string();
  dataset.split = split;
  dataset.regression = columns.regression;
  dataset.sources.push_back({cat("dataset/", split), path});
  return dataset;
}

void finish(const std::filesystem::path& path, const ColumnOptions& columns, const std::vector<RawLabel>& labels,
            TextDataset& dataset) {
  if (columns.label.empty() || columns.regression) return;
  dataset.label_names = columns.label_names.empty() ? collect_names(labels) : columns.label_names;
  number_labels(path, labels, dataset);
}

// One JSON label as text; empty for none. Scores are set on the example.
std::string json_label_text(const LineFile& lines, const nlohmann::json& value, bool regression, Example& example) {
  if (regression) {
    example.label = json_label(lines, value, {}, true, -kInfinity, kInfinity);
    return {};
  }
  if (value.is_null() || (value.is_number_integer() && value == -1)) return {};
  if (value.is_number_unsigned()) return value.dump();
  if (!value.is_string() || value.get_ref<const std::string&>().empty())
    lines.fail(cat("the label ", io::printable(value.dump(), 64), " is neither a text nor an integer >= 0"));
  return value.get<std::string>();
}

}  // namespace

TextDataset load_tsv(const std::filesystem::path& path, const ColumnOptions& columns, const std::string& split) {
  auto dataset = start(path, columns, split);
  TsvFile file(path, true);
  const auto place = [&](const std::string& name) -> std::optional<std::size_t> {
    if (name.empty()) return std::nullopt;
    const auto at = file.column(name);
    if (!at) column_unknown(path, name, file.columns());
    return at;
  };
  const auto sentence = place(columns.sentence), pair = place(columns.pair), label = place(columns.label),
             id = place(columns.id);
  if (!sentence) column_unknown(path, "", file.columns());

  std::vector<RawLabel> labels;
  std::vector<std::string_view> cells;
  while (file.next(cells)) {
    if (cells.size() != file.width())
      file.lines().fail(cat("expected ", file.width(), " tab-separated cells, found ", cells.size()));
    Example example;
    example.id = id ? std::string(cells[*id]) : std::to_string(dataset.examples.size());
    example.sentence = cells[*sentence];
    if (pair) example.pair = std::string(cells[*pair]);
    if (label && cells[*label].empty()) file.lines().fail("the label is empty");
    if (label && columns.regression) example.label = parse_score(file.lines(), cells[*label], -kInfinity, kInfinity);
    labels.push_back({label ? std::string(cells[*label]) : "", file.lines().number()});
    dataset.examples.push_back(std::move(example));
  }
  finish(path, columns, labels, dataset);
  return dataset;
}

TextDataset load_jsonl(const std::filesystem::path& path, const ColumnOptions& columns, const std::string& split) {
  auto dataset = start(path, columns, split);
  LineFile lines(path);
  std::vector<RawLabel> labels;
  std::string_view line;
  while (lines.next(line)) {
    const auto row = parse_object(lines, line);
    const auto cell = [&](const std::string& name) -> const nlohmann::json& {
      const auto at = row.find(name);
      if (at != row.end()) return *at;
      std::vector<std::string> known;
      for (const auto& [key, value] : row.items()) known.push_back(key);
      if (lines.number() == 1) column_unknown(path, name, known);
      lines.fail(cat("the key '", name, "' is missing"));
    };
    const auto text = [&](const std::string& name) {
      const auto& value = cell(name);
      if (!value.is_string()) lines.fail(cat("'", name, "' is no text"));
      return value.get<std::string>();
    };
    Example example;
    example.sentence = text(columns.sentence);
    if (!columns.pair.empty()) example.pair = text(columns.pair);
    example.id = std::to_string(dataset.examples.size());
    if (!columns.id.empty()) {
      const auto& id = cell(columns.id);
      example.id = id.is_string() ? id.get<std::string>() : id.dump();
    }
    RawLabel label{"", lines.number()};
    if (!columns.label.empty()) label.text = json_label_text(lines, cell(columns.label), columns.regression, example);
    labels.push_back(std::move(label));
    dataset.examples.push_back(std::move(example));
  }
  finish(path, columns, labels, dataset);
  return dataset;
}

}  // namespace frugal::datasets
