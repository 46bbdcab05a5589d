// A table's spec, its arithmetic and its printed forms.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/report/table_text.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace frugal::report {
namespace {

using testing::HasSubstr;

constexpr const char* kSpec = R"(caption: two methods
experiment: smoke
seeds: [0, 1]
scales: {small: [experiment.max_steps=5], full: []}
rows:
  - {name: lora, title: LoRA, overrides: [method=lora]}
  - {name: full, overrides: [method=full], tune: {experiment.learning_rate: [1e-4, 3.0e-4]}}
columns:
  - {name: accuracy, unit: "%", factor: 100, digits: 1, tolerance: 0.5}
  - {name: f1, metric: f1_macro}
  - {name: average, average_of: [accuracy, f1]}
paper_values:
  lora: {accuracy: {value: 90, certainty: page}}
checks:
  - {row: lora, column: accuracy, relative_to: full, at_least: 1}
)";

TableSpec spec_of(const std::string& text) {
  const tests::TempDir folder;
  return load_table(folder.write("two.yaml", text));
}

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kSpec;
  text.replace(text.find(from), from.size(), to);
  return text;
}

// Values of lora and full under two seeds.
PaperTable small_table() {
  PaperTable table{.spec = spec_of(kSpec), .scale = "full"};
  table.shown = {0, 1};
  const auto set = [&](const char* row, const char* column, std::vector<double> values) {
    Cell& cell = table.cells[row][column];
    cell.status = CellStatus::kMeasured;
    cell.values = std::move(values);
  };
  set("lora", "accuracy", {90, 91});
  set("lora", "f1", {80, 83});
  set("full", "accuracy", {89, 89});
  set("full", "f1", {70, 74});
  table.cells["lora"]["accuracy"].paper = PaperValue{.value = 90, .certainty = "page"};
  return table;
}

TEST(TableSpec, ReadsEverything) {
  const TableSpec spec = spec_of(kSpec);
  ASSERT_EQ(spec.rows.size(), 2u);
  EXPECT_EQ(spec.rows[1].title, "full");
  EXPECT_EQ(spec.rows[1].tune->key, "experiment.learning_rate");
  EXPECT_EQ(spec.rows[1].tune->values.size(), 2u);
  EXPECT_EQ(spec.columns[1].metric, "f1_macro");
  EXPECT_EQ(spec.paper_values.at("lora").at("accuracy").value, 90);
  EXPECT_EQ(spec.scales.at("small"), std::vector<std::string>{"experiment.max_steps=5"});
}

TEST(TableSpec, EveryMistakeNamesItsLine) {
  const auto bad = [](const std::string& from, const std::string& to, const char* code, const char* where) {
    EXPECT_ERROR_AT(spec_of(replaced(from, to)), ErrorKind::kUsage, code, where);
  };
  bad("caption:", "captoin:", "unknown_key", "two.yaml:1");
  bad("title: LoRA", "titel: LoRA", "unknown_key", "two.yaml:6");
  bad("name: full", "name: lora", "bad_table", "two.yaml:7");
  bad("digits: 1", "digits: many", "bad_value", "two.yaml:9");
  bad("[accuracy, f1]", "[accuracy, f2]", "bad_table", "two.yaml:11");
  bad("lora: {accuracy: {value", "laro: {accuracy: {value", "bad_table", "two.yaml:13");
  bad("relative_to: full", "relative_to: fool", "bad_table", "two.yaml:15");
  bad(", at_least: 1", "", "bad_table", "two.yaml:15");
  bad("certainty: page", "certainty: rumour", "bad_value", "two.yaml:13");
  bad("seeds: [0, 1]", "seeds: []", "bad_table", "two.yaml:3");
  bad("small: [exp", "tiny: [exp", "bad_table", "two.yaml:4");
}

TEST(TableSpec, UnknownTablesHaveANearestName) {
  try {
    load_table("quickstrat");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "unknown_table");
    EXPECT_THAT(error.hint(), HasSubstr("quickstart"));
  }
}

TEST(TableSpec, EveryTableOfTheProgramLoads) {
  EXPECT_FALSE(table_names().empty());
  for (const auto& name : table_names()) EXPECT_NO_THROW(load_table(name)) << name;
}

TEST(PaperTable, MeanSpreadAndAverage) {
  PaperTable table = small_table();
  fill_averages(table);
  const Cell& average = table.cells["lora"]["average"];
  EXPECT_EQ(average.values, (std::vector<double>{85, 87}));  // seed by seed
  EXPECT_DOUBLE_EQ(*average.mean(), 86);
  EXPECT_DOUBLE_EQ(*average.spread(), std::sqrt(2.0));
  EXPECT_EQ(average.status, CellStatus::kMeasured);
}

TEST(PaperTable, AnAverageIsAsGoodAsItsWorstPart) {
  PaperTable table = small_table();
  table.cells["lora"]["f1"].status = CellStatus::kSmallScale;
  table.cells["full"]["f1"] = Cell{.status = CellStatus::kFailed, .reason = "x"};
  fill_averages(table);
  EXPECT_EQ(table.cells["lora"]["average"].status, CellStatus::kSmallScale);
  EXPECT_EQ(table.cells["full"]["average"].status, CellStatus::kFailed);
  EXPECT_TRUE(table.cells["full"]["average"].values.empty());
}

TEST(PaperTable, VerdictOnlyAtFullScale) {
  PaperTable table = small_table();
  Cell& cell = table.cells["lora"]["accuracy"];
  EXPECT_EQ(verdict(table.spec.columns[0], cell), "reproduced");  // 90.5 against 90: tolerance 0.5
  cell.values = {92, 92.1};
  EXPECT_EQ(verdict(table.spec.columns[0], cell), "differs");
  cell.status = CellStatus::kSmallScale;
  EXPECT_EQ(verdict(table.spec.columns[0], cell), "");
}

TEST(PaperTable, Checks) {
  PaperTable table = small_table();
  ASSERT_EQ(run_checks(table).size(), 1u);
  EXPECT_TRUE(run_checks(table)[0].holds);  // 90.5 / 89
  table.cells["full"]["accuracy"].values = {95, 95};
  EXPECT_FALSE(run_checks(table)[0].holds);
  table.cells["full"]["accuracy"].values.clear();
  EXPECT_FALSE(run_checks(table)[0].holds) << "a missing value must not pass";
  table.cells.erase("full");
  EXPECT_TRUE(run_checks(table).empty()) << "rows that were left out are not checked";
}

TEST(TableText, MarkdownSaysWhatEveryCellIs) {
  PaperTable table = small_table();
  table.cells["full"]["f1"] = Cell{.status = CellStatus::kNeedsWeights, .reason = "no model"};
  fill_averages(table);
  const std::string text = table_markdown(table);
  EXPECT_THAT(text, HasSubstr("paper 90.0; 90.5 ± 0.7 (reproduced)"));
  EXPECT_THAT(text, HasSubstr("needs-weights"));
  EXPECT_THAT(text, HasSubstr("needs-weights: no model (full/f1)"));
  EXPECT_THAT(text, HasSubstr("Status of all figures: measured."));
}

TEST(TableText, ACellWhoseStatusDiffersSaysSo) {
  PaperTable table = small_table();
  table.cells["full"]["f1"].status = CellStatus::kSmallScale;
  fill_averages(table);
  EXPECT_THAT(table_markdown(table), HasSubstr("72.0 ± 2.8 small-scale"));
}

TEST(TableText, HtmlEscapesWhatItPrints) {
  PaperTable table = small_table();
  fill_averages(table);
  table.spec.caption = "<script>alert(1)</script>";
  EXPECT_EQ(table_html(table).find("<script>"), std::string::npos);
}

TEST(TableText, JsonAndCsvHoldEveryCell) {
  PaperTable table = small_table();
  fill_averages(table);
  const auto json = nlohmann::json::parse(table_json(table));
  EXPECT_EQ(json["rows"][0]["cells"]["accuracy"]["values"], (std::vector<double>{90, 91}));
  EXPECT_EQ(json["rows"][0]["cells"]["accuracy"]["paper"]["value"], 90);
  const std::string csv = table_csv(table);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 2 * 3);
}

}  // namespace
}  // namespace frugal::report
