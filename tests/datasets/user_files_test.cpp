#include "datasets/user_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::datasets {
namespace {

using test::TempFolder;
using testing::ElementsAre;

std::vector<Label> labels_of(const TextDataset& dataset) {
  std::vector<Label> labels;
  labels.reserve(dataset.examples.size());
  for (const auto& example : dataset.examples) labels.push_back(example.label);
  return labels;
}

Label id(std::int64_t value) {
  return value;
}

TEST(UserTsv, ColumnsByName) {
  const TempFolder folder;
  const auto path = folder.write("mine.tsv", "key\tb\ta\tclass\nx\tsecond\tfirst\tspam\ny\t\"q\"\t\tham\n");
  const auto dataset = load_tsv(path, {.sentence = "a", .pair = "b", .label = "class", .id = "key"}, "train");
  EXPECT_EQ(dataset.task, "mine");
  EXPECT_THAT(dataset.label_names, ElementsAre("ham", "spam"));
  EXPECT_THAT(labels_of(dataset), ElementsAre(id(1), id(0)));
  EXPECT_EQ(dataset.examples[0].id, "x");
  EXPECT_EQ(dataset.examples[0].sentence, "first");
  EXPECT_EQ(dataset.examples[1].pair, "\"q\"");
  EXPECT_EQ(dataset.sources[0].role, "dataset/train");
}

TEST(UserTsv, LabelKinds) {
  const TempFolder folder;
  const auto path = folder.write("l.tsv", "sentence\tlabel\na\t2\nb\t0\n");
  EXPECT_THAT(load_tsv(path, {}, "train").label_names, ElementsAre("0", "1", "2"));
  const auto named = load_tsv(path, {.label_names = {"low", "mid", "high"}}, "train");
  EXPECT_THAT(labels_of(named), ElementsAre(id(2), id(0)));
  const auto scores = load_tsv(path, {.regression = true}, "train");
  EXPECT_THAT(labels_of(scores), ElementsAre(Label(2.0), Label(0.0)));
  EXPECT_TRUE(scores.label_names.empty());
  const auto none = load_tsv(path, {.label = ""}, "test");
  EXPECT_FALSE(none.labelled());
}

TEST(UserTsv, BadFilesAreNamedByLine) {
  const TempFolder folder;
  struct {
    const char* name;
    std::string content;
    int line;
    ColumnOptions columns;
  } const cases[] = {
      {"missing cell", "sentence\tlabel\na\t1\nb\n", 3, {}},
      {"quoted tab", "sentence\tlabel\n\"a\tb\"\t1\n", 2, {}},
      {"embedded newline", "sentence\tlabel\n\"a\nb\"\t1\n", 2, {}},
      {"empty label", "sentence\tlabel\na\t\n", 2, {}},
      {"unknown label", "sentence\tlabel\na\tyes\nb\tno\n", 3, {.label_names = {"yes", "maybe"}}},
      {"index above the names", "sentence\tlabel\na\t2\n", 2, {.label_names = {"yes", "no"}}},
      {"bad score", "sentence\tlabel\na\tinf\n", 2, {.regression = true}},
      {"bad utf-8", "sentence\tlabel\n\xc3\x28\t1\n", 2, {}},
      {"nul", std::string("sentence\tlabel\n\0\t1\n", 19), 2, {}},
      {"empty", "", 0, {}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto path = folder.write("bad.tsv", c.content);
    EXPECT_ERROR_AT(load_tsv(path, c.columns, "train"), ErrorKind::kBadData, "dataset_row",
                    cat(path.string(), ":", c.line));
  }
}

TEST(UserTsv, WrongColumnOrFileIsAUsageError) {
  const TempFolder folder;
  const auto path = folder.write("x.tsv", "text\tlabel\na\t1\n");
  EXPECT_ERROR(load_tsv(path, {}, "train"), ErrorKind::kUsage, "column_unknown");
  EXPECT_ERROR(load_tsv(path, {.sentence = ""}, "train"), ErrorKind::kUsage, "column_unknown");
  EXPECT_ERROR(load_tsv(path, {.sentence = "text", .pair = "b"}, "train"), ErrorKind::kUsage, "column_unknown");
  EXPECT_ERROR(load_tsv(folder.path() / "none.tsv", {}, "train"), ErrorKind::kUsage, "file_not_found");
}

TEST(UserJsonl, TextsAndLabels) {
  const TempFolder folder;
  const auto path = folder.write("mine.jsonl", R"({"sentence":"a\tb\n\"c\"","label":"no","other":[1,{"x":null}]})"
                                               "\r\n"
                                               R"({"label":"yes","sentence":"é \ud83d\ude00"})"
                                               "\n"
                                               R"({"label":null,"sentence":""})"
                                               "\n\n");
  const auto dataset = load_jsonl(path, {}, "dev");
  EXPECT_THAT(labels_of(dataset), ElementsAre(id(0), id(1), Label()));
  EXPECT_EQ(dataset.examples[0].sentence, "a\tb\n\"c\"");
  EXPECT_EQ(dataset.examples[1].sentence, "é 😀");
  EXPECT_FALSE(dataset.labelled());
}

TEST(UserJsonl, BadLinesAreNamed) {
  const std::string good = "{\"sentence\":\"a\",\"label\":1}\n";
  const TempFolder folder;
  for (const std::string bad :
       {"{", "[]", "{\"sentence\":1,\"label\":1}", "{\"sentence\":\"a\"}", "{\"sentence\":\"a\",\"label\":1.5}",
        "{\"sentence\":\"a\",\"label\":-2}", "{\"sentence\":\"a\",\"label\":[]}", "{\"sentence\":\"a\",\"label\":\"\"}",
        "{\"sentence\":\"\xff\",\"label\":1}", "{\"sentence\":\"\\ud800\",\"label\":1}",
        "{\"sentence\":\"a\",\"label\":1} {}", "{\"sentence\":\"two\nlines\",\"label\":1}",
        "{\"sentence\":\"a\",\"label\":1,\"x\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}"}) {
    SCOPED_TRACE(bad);
    const auto path = folder.write("bad.jsonl", cat(good, bad, "\n", good));
    EXPECT_ERROR_AT(load_jsonl(path, {}, "train"), ErrorKind::kBadData, "dataset_row", cat(path.string(), ":2"));
  }
  const auto path = folder.write("x.jsonl", good);
  EXPECT_ERROR(load_jsonl(path, {.sentence = "text"}, "train"), ErrorKind::kUsage, "column_unknown");
}

}  // namespace
}  // namespace frugal::datasets
