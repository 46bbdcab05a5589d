#include "datasets/glue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/data_root.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::datasets {
namespace {

using test::TempFolder;

// One split in the official layout, and what reading it must give. "text|pair|label" an example; label "-" is none.
struct Layout {
  const char* name;
  const char* task;
  const char* split;
  const char* file;
  std::string content;
  std::vector<std::string> expected;
};

std::string show(const Example& example) {
  std::string label = "-";
  if (const auto* index = std::get_if<std::int64_t>(&example.label)) label = std::to_string(*index);
  if (const auto* score = std::get_if<double>(&example.label)) label = cat(*score);
  return cat(example.sentence, "|", example.pair.value_or("<none>"), "|", label);
}

std::vector<std::string> show(const TextDataset& dataset) {
  std::vector<std::string> rows;
  rows.reserve(dataset.examples.size());
  for (const auto& example : dataset.examples) rows.push_back(show(example));
  return rows;
}

std::vector<Layout> layouts() {
  const std::string mnli_head = "index\tpromptID\tpairID\tgenre\ts1bp\ts2bp\ts1p\ts2p\tsentence1\tsentence2\t";
  return {
      {"cola without header",
       "cola",
       "train",
       "CoLA/train.tsv",
       "gj04\t1\t\tIt's \"fine\".\ngj04\t0\t*\tIs not it.\n",
       {"It's \"fine\".|<none>|1", "Is not it.|<none>|0"}},
      {"cola test", "CoLA", "test", "CoLA/test.tsv", "index\tsentence\n0\tBill left.\n", {"Bill left.|<none>|-"}},
      {"sst2",
       "sst2",
       "dev",
       "SST-2/dev.tsv",
       "sentence\tlabel\nit 's \" charming \t1\nbleak\t0\n",
       {"it 's \" charming |<none>|1", "bleak|<none>|0"}},
      {"sst2 test",
       "SST-2",
       "test",
       "SST-2/test.tsv",
       "index\tsentence\n0\tuneasy mishmash\n",
       {"uneasy mishmash|<none>|-"}},
      {"sst2 validation is dev", "sst2", "validation", "SST-2/dev.tsv", "sentence\tlabel\na\t1", {"a|<none>|1"}},
      {"carriage returns", "sst2", "dev", "SST-2/dev.tsv", "sentence\tlabel\r\na b\t1\r\n", {"a b|<none>|1"}},
      {"mrpc with byte order mark",
       "mrpc",
       "train",
       "MRPC/train.tsv",
       "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\t\"a\tb\"\n",
       {"\"a|b\"|1"}},
      {"mrpc test",
       "mrpc",
       "test",
       "MRPC/test.tsv",
       "\xEF\xBB\xBFindex\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t7\t8\ta\tb\n",
       {"a|b|-"}},
      {"qqp skips short rows",
       "qqp",
       "train",
       "QQP/train.tsv",
       "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tq1\tq2\t1\n4\t5\t6\tbroken\n7\t8\t9\tq3\t\t0\n",
       {"q1|q2|1", "q3||0"}},
      {"qqp test", "qqp", "test", "QQP/test.tsv", "id\tquestion1\tquestion2\n0\ta\tb\n", {"a|b|-"}},
      {"stsb",
       "stsb",
       "dev",
       "STS-B/dev.tsv",
       "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
       "0\tg\tf\t2012\t1\tn\tn\ta\tb\t4.750\n",
       {"a|b|4.75"}},
      {"stsb test without scores",
       "stsb",
       "test",
       "STS-B/test.tsv",
       "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\n0\tg\tf\t1\t1\tn\tn\ta\tb\n",
       {"a|b|-"}},
      {"mnli train",
       "mnli",
       "train",
       "MNLI/train.tsv",
       mnli_head + "label1\tgold_label\n0\t1\t2\tg\t(a)\t(b)\t(c)\t(d)\tp\th\tentailment\tneutral\n",
       {"p|h|1"}},
      {"mnli dev has its label last",
       "mnli",
       "dev_matched",
       "MNLI/dev_matched.tsv",
       mnli_head +
           "label1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n"
           "0\t1\t2\tg\t(a)\t(b)\t(c)\t(d)\tp\th\tentailment\tneutral\tneutral\tneutral\tneutral\tcontradiction\n",
       {"p|h|2"}},
      {"mnli mismatched",
       "mnli",
       "validation_mismatched",
       "MNLI/dev_mismatched.tsv",
       mnli_head + "label1\tgold_label\n0\t1\t2\tg\t(a)\t(b)\t(c)\t(d)\tp\th\tneutral\tentailment\n",
       {"p|h|0"}},
      {"mnli test",
       "mnli",
       "test_matched",
       "MNLI/test_matched.tsv",
       mnli_head.substr(0, mnli_head.size() - 1) + "\n0\t1\t2\tg\t(a)\t(b)\t(c)\t(d)\tp\th\n",
       {"p|h|-"}},
      {"qnli", "qnli", "dev", "QNLI/dev.tsv", "index\tquestion\tsentence\tlabel\n0\tq\ts\tnot_entailment\n", {"q|s|1"}},
      {"rte", "rte", "train", "RTE/train.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n", {"a|b|0"}},
      {"wnli", "wnli", "train", "WNLI/train.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t1\n", {"a|b|1"}},
      {"jsonl",
       "rte",
       "dev",
       "rte/validation.jsonl",
       R"({"sentence1":"a","sentence2":"b","label":1,"idx":0})"
       "\n",
       {"a|b|1"}},
      {"jsonl label as a name",
       "mnli",
       "train",
       "mnli/train.jsonl",
       R"({"premise":"p","hypothesis":"h","label":"contradiction"})",
       {"p|h|2"}},
      {"jsonl test",
       "qqp",
       "test",
       "qqp/test.jsonl",
       R"({"question1":"a","question2":"b","label":-1,"idx":3})",
       {"a|b|-"}},
      {"jsonl scores",
       "stsb",
       "train",
       "stsb/train.jsonl",
       R"({"sentence1":"a","sentence2":"b","label":2.5})",
       {"a|b|2.5"}},
      {"jsonl line breaks are text",
       "sst2",
       "train",
       "sst2/train.jsonl",
       R"({"sentence":"a\nb\tc","label":0})",
       {"a\nb\tc|<none>|0"}},
  };
}

TEST(Glue, ReadsEveryLayout) {
  for (const auto& layout : layouts()) {
    SCOPED_TRACE(layout.name);
    for (const char* below : {"glue", "."}) {
      const TempFolder root;
      root.write(std::filesystem::path(below) / layout.file, layout.content);
      const auto dataset = load_glue(root.path(), layout.task, layout.split);
      EXPECT_THAT(show(dataset), testing::ElementsAreArray(layout.expected));
      ASSERT_EQ(dataset.sources.size(), 1u);
      EXPECT_TRUE(std::filesystem::exists(dataset.sources[0].path));
    }
  }
}

TEST(Glue, ShortQqpRowsAreCounted) {
  const TempFolder root;
  root.write("QQP/train.tsv", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\tx\n2\ty\n3\t1\t2\ta\tb\t0\n");
  const auto dataset = load_glue(root.path(), "qqp", "train");
  EXPECT_THAT(dataset.notes, testing::ElementsAre("2 short rows of train.tsv skipped"));
  EXPECT_EQ(dataset.examples[0].id, "2");
}

// A file that must be refused, and the line that the error names.
struct Bad {
  const char* name;
  const char* task;
  const char* split;
  const char* file;
  std::string content;
  int line;
};

TEST(Glue, BadRowsAreNamedByLine) {
  const std::string rte = "index\tsentence1\tsentence2\tlabel\n";
  const std::string sts = "index\tsentence1\tsentence2\tscore\n";
  const Bad cases[] = {
      {"missing cell", "rte", "train", "RTE/train.tsv", rte + "0\ta\tb\tentailment\n1\ta\tb\n", 3},
      {"extra cell", "rte", "train", "RTE/train.tsv", rte + "0\ta\tb\tentailment\tx\n", 2},
      {"embedded newline", "sst2", "train", "SST-2/train.tsv", "sentence\tlabel\n\"two\nlines\"\t1\n", 2},
      {"unknown label", "rte", "train", "RTE/train.tsv", rte + "0\ta\tb\tmaybe\n", 2},
      {"digit where names are", "rte", "train", "RTE/train.tsv", rte + "0\ta\tb\t1\n", 2},
      {"name where digits are", "sst2", "train", "SST-2/train.tsv", "sentence\tlabel\na\tpositive\n", 2},
      {"label too large", "sst2", "train", "SST-2/train.tsv", "sentence\tlabel\na\t1\nb\t2\n", 3},
      {"negative label", "sst2", "train", "SST-2/train.tsv", "sentence\tlabel\na\t-1\n", 2},
      {"empty label", "sst2", "train", "SST-2/train.tsv", "sentence\tlabel\na\t\n", 2},
      {"label with a space", "sst2", "train", "SST-2/train.tsv", "sentence\tlabel\na\t 1\n", 2},
      {"score above 5", "stsb", "train", "STS-B/train.tsv", sts + "0\ta\tb\t5.1\n", 2},
      {"score nan", "stsb", "train", "STS-B/train.tsv", sts + "0\ta\tb\tnan\n", 2},
      {"score text", "stsb", "train", "STS-B/train.tsv", sts + "0\ta\tb\t3,5\n", 2},
      {"no label column", "rte", "train", "RTE/train.tsv", "index\tsentence1\tsentence2\n0\ta\tb\n", 1},
      {"no sentence column", "rte", "train", "RTE/train.tsv", "index\ttext\tsentence2\tlabel\n", 1},
      {"column twice", "rte", "train", "RTE/train.tsv", "index\tlabel\tsentence1\tsentence2\tlabel\n", 1},
      {"cola with a header", "cola", "train", "CoLA/train.tsv", "source\tlabel\tstar\tsentence\n", 1},
      {"cola with 3 cells", "cola", "train", "CoLA/train.tsv", "gj04\t1\ttext\n", 1},
      {"bad utf-8", "sst2", "train", "SST-2/train.tsv", "sentence\tlabel\nok\t1\ncaf\xe9\t1\n", 3},
      {"nul", "sst2", "train", "SST-2/train.tsv", std::string("sentence\tlabel\na\0b\t1\n", 21), 2},
      {"empty file", "sst2", "train", "SST-2/train.tsv", "", 0},
      {"blank line", "sst2", "train", "SST-2/train.tsv", "sentence\tlabel\na\t1\n\nb\t1\n", 3},
      {"json cut", "sst2", "train", "sst2/train.jsonl", "{\"sentence\":\"a\",\"label\":1}\n{\"sentence\":", 2},
      {"json list", "sst2", "train", "sst2/train.jsonl", "[]", 1},
      {"json key missing", "sst2", "train", "sst2/train.jsonl", "{\"text\":\"a\",\"label\":1}", 1},
      {"json text is a number", "sst2", "train", "sst2/train.jsonl", "{\"sentence\":1,\"label\":1}", 1},
      {"json label out of range", "sst2", "train", "sst2/train.jsonl", "{\"sentence\":\"a\",\"label\":2}", 1},
      {"json label fractional", "sst2", "train", "sst2/train.jsonl", "{\"sentence\":\"a\",\"label\":0.5}", 1},
      {"json label absent in train", "sst2", "train", "sst2/train.jsonl", "{\"sentence\":\"a\"}", 1},
      {"json deep", "sst2", "train", "sst2/train.jsonl", std::string(100'000, '['), 1},
      {"json bad utf-8", "sst2", "train", "sst2/train.jsonl", "{\"sentence\":\"\xff\",\"label\":1}", 1},
  };
  for (const auto& bad : cases) {
    SCOPED_TRACE(bad.name);
    const TempFolder root;
    const auto path = root.write(bad.file, bad.content);
    EXPECT_ERROR_AT(load_glue(root.path(), bad.task, bad.split), ErrorKind::kBadData, "dataset_row",
                    cat(path.string(), ":", bad.line));
  }
}

TEST(Glue, MissingDataNamesFoldersAndHowToGetIt) {
  const TempFolder root;
  for (const bool folder_exists : {false, true}) {
    if (folder_exists) std::filesystem::create_directories(root.path() / "glue" / "CoLA");
    try {
      load_glue(root.path(), "cola", "train");
      FAIL() << "expected an error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      EXPECT_EQ(error.code(), "dataset_not_found");
      EXPECT_THAT(error.what(), testing::HasSubstr((root.path() / "glue" / "CoLA").string()));
      EXPECT_THAT(error.hint(), testing::HasSubstr("hf download nyu-mll/glue --repo-type dataset"));
      EXPECT_THAT(error.hint(), testing::HasSubstr("scripts/prepare_glue.py"));
    }
  }
  EXPECT_ERROR(load_glue(root.path(), "cole", "train"), ErrorKind::kUsage, "glue_task_unknown");
  EXPECT_ERROR(load_glue(root.path(), "mnli", "dev"), ErrorKind::kUsage, "split_unknown");
}

TEST(Glue, MrpcFromMicrosoftsFiles) {
  const std::string head = "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
  const TempFolder root;
  root.write("MRPC/msr_paraphrase_train.txt", head + "1\t1\t2\ta\tb\n0\t3\t4\tc\td\n");
  root.write("MRPC/msr_paraphrase_test.txt", head + "1\t5\t6\te\tf\n");
  EXPECT_ERROR(load_glue(root.path(), "mrpc", "dev"), ErrorKind::kUsage, "dataset_not_found");
  const auto test = load_glue(root.path(), "mrpc", "test");
  EXPECT_THAT(show(test), testing::ElementsAre("e|f|1"));
  ASSERT_EQ(test.notes.size(), 1u);
  EXPECT_THAT(test.notes[0], testing::HasSubstr("not GLUE dev"));
  EXPECT_EQ(load_glue(root.path(), "mrpc", "train").examples.size(), 2u);

  root.write("MRPC/dev_ids.tsv", "3\t4\n");
  EXPECT_THAT(show(load_glue(root.path(), "mrpc", "dev")), testing::ElementsAre("c|d|0"));
  const auto train = load_glue(root.path(), "mrpc", "train");
  EXPECT_THAT(show(train), testing::ElementsAre("a|b|1"));
  EXPECT_TRUE(train.notes.empty());
  EXPECT_EQ(train.sources.size(), 2u);
}

TEST(Glue, LabelsAreRemappedByName) {
  const std::vector<std::string> ours = {"entailment", "neutral", "contradiction"};
  const std::vector<std::string> theirs = {"CONTRADICTION", "Entailment", "neutral"};
  EXPECT_THAT(*remap_labels(ours, theirs), testing::ElementsAre(1, 2, 0));
  const std::vector<std::string> numbered = {"LABEL_0", "LABEL_1", "LABEL_2"}, two = {"entailment", "neutral"};
  EXPECT_EQ(remap_labels(ours, numbered), std::nullopt);
  EXPECT_EQ(remap_labels(ours, two), std::nullopt);
}

TEST(Glue, RealFilesHaveTheirKnownSizes) {
  FRUGAL_NEEDS_DATA("glue");
  const struct {
    const char* task;
    const char* split;
    std::size_t size;
    std::size_t positive;  // examples of class 1; 0 for scores
  } cases[] = {
      {"cola", "train", 8551, 6023}, {"cola", "dev", 1043, 719},    {"sst2", "train", 67349, 37569},
      {"sst2", "dev", 872, 444},     {"mrpc", "train", 4076, 2753}, {"mrpc", "test", 1725, 1147},
      {"stsb", "train", 5749, 0},    {"stsb", "dev", 1500, 0},      {"stsb", "test", 1379, 0},
      {"rte", "train", 2490, 1241},  {"rte", "dev", 277, 131},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(cat(c.task, " ", c.split));
    const auto dataset = load_glue(test::data_root(), c.task, c.split);
    EXPECT_EQ(dataset.examples.size(), c.size);
    EXPECT_TRUE(dataset.labelled());
    std::size_t positive = 0;
    std::set<std::string> ids;
    for (const auto& example : dataset.examples) {
      positive += example.label == Label(std::int64_t{1}) ? 1 : 0;
      ids.insert(example.id);
    }
    EXPECT_EQ(positive, c.positive);
    EXPECT_EQ(ids.size(), c.size) << "ids are not unique";
  }
}

}  // namespace
}  // namespace frugal::datasets
