// Documents of WikiText and of text files. Against the harness: tests/experiments/language_modelling_parity.py.
#include "datasets/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/data_root.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::datasets {
namespace {

using ::testing::ElementsAre;

TEST(WikiText, APageStartsAtALevelOneHeading) {
  const std::string text = " \n = A = \n \n x \n = = s = = \n y \n = B = \n z \n";
  EXPECT_THAT(wikitext_pages(text), ElementsAre(" = A = \n \n x \n = = s = = \n y ", " = B = \n z \n"));
  EXPECT_THAT(wikitext_pages("no heading"), ElementsAre("no heading"));
}

TEST(WikiText, IsDetokenizedAsTheHarnessDoes) {
  EXPECT_EQ(wikitext_detokenize("the 1 @,@ 000 @-@ year ( old ) \" king \" said : no ."),
            "the 1,000-year (old) \"king\" said: no .");
  EXPECT_EQ(wikitext_detokenize(" = = A = = \n it 's , N times ; ( a ( b ) c )"),
            " == A ==\nit's, 1 times; (a ( b) c )");
  EXPECT_EQ(wikitext_detokenize("5 /' 9/"), "5 /'[0-9]/") << "what the harness's replacement text says";
}

TEST(Documents, WordsAreCountedAsTheHarnessCounts) {
  EXPECT_EQ(count_words(""), 1U);
  EXPECT_EQ(count_words("a b\n\nc"), 3U);
  EXPECT_EQ(count_words(" a \u00a0 "), 3U);
}

TEST(Documents, UnitsOfATextFile) {
  const test::TempFolder folder;
  const auto path = folder.path() / "a.txt";
  std::ofstream(path, std::ios::binary) << "\xEF\xBB\xBFone\r\ntwo\n\n \nthree";
  const auto texts = [&](TextUnit unit) {
    std::vector<std::string> out;
    for (const auto& document : load_text_files({path}, {.unit = unit}, "dataset").documents)
      out.push_back(document.id + "|" + document.text);
    return out;
  };
  EXPECT_THAT(texts(TextUnit::kFile), ElementsAre("a.txt|one\ntwo\n\n \nthree"));
  EXPECT_THAT(texts(TextUnit::kLine), ElementsAre("a.txt:1|one", "a.txt:2|two", "a.txt:5|three"));
  EXPECT_THAT(texts(TextUnit::kParagraph), ElementsAre("a.txt:1|one\ntwo", "a.txt:2| \nthree"));
}

TEST(Documents, BadConversationsAreNamedByTheirLine) {
  const test::TempFolder folder;
  const auto path = folder.path() / "a.jsonl";
  const TextFileOptions options{.chat_template = tokenizers::ChatTemplate::named("chatml")};
  for (const char* messages :
       {"[]", "\"hi\"", "[1]", "[{\"role\": \"user\"}]", "[{\"role\": 1, \"content\": \"x\"}]"}) {
    std::ofstream(path) << "{\"text\": \"fine\"}\n{\"messages\": " << messages << "}\n";
    EXPECT_ERROR(load_text_files({path}, options, "dataset"), ErrorKind::kBadData, "dataset_row");
  }
}

TEST(WikiText, TheDataFoldersFileHasItsArticles) {
  FRUGAL_NEEDS_DATA("wikitext-2");
  const DocumentSet set = load_wikitext(test::data_root(), "wikitext-2", "test");
  EXPECT_EQ(set.documents.size(), 62U) << "as in the harness's document-level data set";
  std::size_t words = 0;
  for (const auto& document : set.documents) words += document.words;
  EXPECT_GT(words, 240'000U);
  EXPECT_ERROR(load_wikitext(test::data_root(), "wikitext-2", "dev"), ErrorKind::kUsage, "split_unknown");
}

}  // namespace
}  // namespace frugal::datasets
