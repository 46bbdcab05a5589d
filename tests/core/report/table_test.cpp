// A table's spec, its arithmetic and its printed forms.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/report/table_text.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

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
  const test::TempFolder folder;
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
  for (const auto& name : table_names()) {
    const TableSpec spec = load_table(name);
    for (const auto& [scale, overrides] : spec.scales) EXPECT_NO_THROW(load_table(name, scale)) << name << " " << scale;
  }
}

constexpr const char* kStages = R"(caption: two stages
experiment: smoke
scales: {small: [], full: []}
stages:
  sft: {overrides: {always: [a=1], small: [b=1], full: [b=2]}, data: {full: ask}}
  dpo: {from: sft, overrides: [c=1]}
rows:
  - {name: base}
  - {name: one, from: sft, overrides: {full: [f=1]}, stages: {sft: {always: [d=1], full: [e=2]}}}
  - {name: two, from: {full: dpo, small: sft}, stages: {sft: [d=1], dpo: [g=1]}}
  - {name: big, scale: full, from: dpo}
columns:
  - {name: acc, overrides: {small: [dataset=x]}}
  - {name: kl, stage: sft}
  - {name: f1, status: unsupported, reason: nobody can}
certainty: paper
paper_columns: [acc, kl]
paper_values:
  base: [1, null]
  two: [2, 3]
  big: {acc: 4, kl: {value: 5, certainty: derived}}
)";

TableSpec staged(const std::string& scale, const std::string& from = {}, const std::string& to = {}) {
  std::string text = kStages;
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  const test::TempFolder folder;
  return load_table(folder.write("staged.yaml", text), scale);
}

TEST(TableSpec, StagesAtEachScale) {
  using Texts = std::vector<std::string>;
  const TableSpec small = staged("small"), full = staged("full");
  EXPECT_EQ(small.scale, "small");
  EXPECT_EQ(staged("").scale, "small") << "the default";
  EXPECT_EQ(small.stages.at("sft").overrides, (Texts{"a=1", "b=1"}));
  EXPECT_EQ(full.stages.at("sft").overrides, (Texts{"a=1", "b=2"}));
  EXPECT_EQ(small.stages.at("sft").data, "");
  EXPECT_EQ(full.stages.at("sft").data, "ask");
  EXPECT_EQ(small.rows.size(), 3u);
  EXPECT_EQ(small.left_out, Texts{"big"});
  EXPECT_EQ(full.rows.size(), 4u);
  EXPECT_EQ(small.rows[1].stage_values.at("sft"), Texts{"d=1"});
  EXPECT_EQ(full.rows[1].stage_values.at("sft"), (Texts{"d=1", "e=2"}));
  EXPECT_EQ(full.rows[1].overrides, Texts{"f=1"});
  EXPECT_EQ(stage_chain(small, small.rows[0]), Texts{});
  EXPECT_EQ(stage_chain(small, small.rows[2]), Texts{"sft"});
  EXPECT_FALSE(small.rows[2].stage_values.contains("dpo")) << "not at this scale";
  EXPECT_EQ(stage_chain(full, full.rows[2]), (Texts{"sft", "dpo"}));
  EXPECT_EQ(small.columns[0].overrides, Texts{"dataset=x"});
  EXPECT_EQ(small.columns[2].status, "unsupported");
}

TEST(TableSpec, PaperValuesAsLists) {
  const TableSpec spec = staged("full");
  EXPECT_EQ(spec.paper_values.at("base").size(), 1u) << "null is not printed";
  EXPECT_EQ(spec.paper_values.at("two").at("kl").value, 3);
  EXPECT_EQ(spec.paper_values.at("two").at("kl").certainty, "paper");
  EXPECT_EQ(spec.paper_values.at("big").at("acc").certainty, "paper");
  EXPECT_EQ(spec.paper_values.at("big").at("kl").certainty, "derived");
}

TEST(TableSpec, MistakesInStagesNameTheirLine) {
  const auto bad = [](const std::string& from, const std::string& to, const char* code, const char* where) {
    EXPECT_ERROR_AT(staged("full", from, to), ErrorKind::kUsage, code, where);
  };
  bad("dpo: {from: sft", "dpo: {from: stf", "bad_table", "staged.yaml:6");
  bad("sft: {overrides", "sft: {from: dpo, overrides", "bad_table", "staged.yaml:");  // in a circle
  bad("dpo: {from: sft", "dpo: {from: dpo", "bad_table", "staged.yaml:6");
  bad("dpo: {from: sft", "cells: {from: sft", "bad_table", "staged.yaml:6");
  bad("overrides: [c=1]", "overides: [c=1]", "unknown_key", "staged.yaml:6");
  bad("name: one, from: sft", "name: one, from: sgt", "bad_table", "staged.yaml:9");
  bad("stages: {sft: {always", "stages: {stf: {always", "bad_table", "staged.yaml:9");
  bad("stages: {sft: {always", "stages: {dpo: {always", "bad_table", "staged.yaml:9");  // not on its way
  bad("name: one, from: sft", "name: one", "bad_table", "staged.yaml:9");
  bad("{always: [d=1]", "{ever: [d=1]", "bad_table", "staged.yaml:9");
  bad("{full: dpo, small", "{full: dpo, tiny", "bad_table", "staged.yaml:10");
  bad("scale: full, from", "tune: {a: [1]}, from", "bad_table", "staged.yaml:11");
  bad("scale: full", "scale: huge", "bad_value", "staged.yaml:11");
  bad("kl, stage: sft", "kl, stage: stf", "bad_table", "staged.yaml:14");
  bad("kl, stage: sft", "kl, stage: sft, overrides: [a=1]", "bad_table", "staged.yaml:14");
  bad("status: unsupported", "status: impossible", "bad_value", "staged.yaml:15");
  bad("base: [1, null]", "base: [1]", "bad_table", "staged.yaml:19");
  bad("base: [1, null]", "base: [1, x]", "bad_table", "staged.yaml:19");
  bad("paper_columns: [acc, kl]", "paper_columns: [acc, k]", "bad_table", "staged.yaml:17");
  EXPECT_ERROR(staged("huge"), ErrorKind::kUsage, "bad_value");
}

TEST(TableSpec, IncludesAPart) {
  const test::TempFolder folder;
  folder.write("part.yaml",
               "experiment: smoke\nstages: {a: {overrides: [x=1]}}\ncolumns: [{name: acc}, {name: f1}]\n"
               "scales: {small: [], full: [y=1]}\n");
  const auto table = [&](const std::string& text) {
    return load_table(folder.write("table.yaml", "include: part.yaml\nrows: [{name: r, from: a}]\n" + text));
  };
  const TableSpec spec = table("columns: [{name: kl}]\nstages: {b: {from: a}}\nscales: {full: null}\n");
  EXPECT_EQ(spec.columns.size(), 1u) << "lists replace";
  EXPECT_EQ(spec.stages.size(), 2u) << "maps merge";
  EXPECT_FALSE(spec.scales.contains("full"));
  EXPECT_EQ(spec.file.filename(), "table.yaml");
  EXPECT_ERROR_AT(table("columns: [{nmae: kl}]\n"), ErrorKind::kUsage, "unknown_key", "table.yaml:3");
  folder.write("part.yaml", "experiment: smoke\ncolumns: [{nmae: acc}]\n");
  EXPECT_ERROR_AT(table("stages: {a: {}}\n"), ErrorKind::kUsage, "unknown_key", "part.yaml:2");
  EXPECT_ERROR_AT(load_table(folder.write("lost.yaml", "rows: [{name: r}]\ninclude: nowhere\n")), ErrorKind::kUsage,
                  "bad_table", "lost.yaml:2");
  folder.write("part.yaml", "include: other\n");
  EXPECT_ERROR(table(""), ErrorKind::kUsage, "bad_table");
}

TEST(PaperTable, AverageOfOneSeedHasItsError) {
  PaperTable table = small_table();
  const auto set = [&](const char* column, double value, std::vector<double> errors) {
    table.cells["lora"][column].values = {value};
    table.cells["lora"][column].errors = std::move(errors);
  };
  set("accuracy", 90, {3});
  set("f1", 80, {4});
  fill_averages(table);
  EXPECT_DOUBLE_EQ(*table.cells["lora"]["average"].error(), 2.5);  // sqrt(9 + 16) / 2
  EXPECT_THAT(table_markdown(table), HasSubstr("85.0 ± 2.5"));
  set("f1", 80, {});
  fill_averages(table);
  EXPECT_FALSE(table.cells["lora"]["average"].error()) << "one part has none";
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
