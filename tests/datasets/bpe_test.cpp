// What the parity tests against Python's tokenizers do not reach: the two ways to merge, tables, threads.
#include "datasets/tokenizers/bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "datasets/tokenizers/byte_level.h"
#include "tests/support/expect_error.h"

namespace frugal::tokenizers {
namespace {

using ::testing::ElementsAre;

// By the definition: the pair of lowest rank, the leftmost of equal ones, until none merges.
std::vector<TokenId> merged_plainly(const MergeTable& table, std::vector<TokenId> symbols) {
  for (;;) {
    MergeTable::Found best;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
      if (const auto found = table.find(symbols[i], symbols[i + 1]); found.rank < best.rank) {
        best = found;
        at = i;
      }
    if (best.rank == MergeTable::kNoRank) return symbols;
    symbols[at] = best.result;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(MergeTest, ShortAndLongWaysFollowTheDefinition) {
  std::mt19937 random(5);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 200; ++round) {
    std::vector<Merge> merges;
    const int tokens = 3 + below(4);
    for (TokenId id = tokens; id < tokens + 40; ++id)
      merges.push_back({below(id), below(id), id, static_cast<std::uint32_t>(below(20))});  // some ranks are shared
    const MergeTable table(merges);
    std::vector<TokenId> symbols(static_cast<std::size_t>(below(3) == 0 ? below(300) : below(64)));
    for (auto& symbol : symbols) symbol = below(tokens);
    const auto want = merged_plainly(table, symbols);
    merge_symbols(table, symbols);
    EXPECT_EQ(symbols, want) << "round " << round;
  }
}

TEST(MergeTest, LaterOfTwoEqualPairsCounts) {
  const std::vector<Merge> merges = {{0, 1, 2, 0}, {0, 1, 3, 1}};
  std::vector<TokenId> symbols = {0, 1};
  merge_symbols(MergeTable(merges), symbols);
  EXPECT_THAT(symbols, ElementsAre(3));
}

TEST(ByteLevelTest, SpellsAllBytesAndOnlyThem) {
  std::string bytes;
  for (int b = 0; b < 256; ++b) bytes.push_back(static_cast<char>(b));
  EXPECT_EQ(unspell_bytes(spell_bytes(bytes)), bytes);
  EXPECT_EQ(spell_bytes(" a\n"), "\u0120a\u010a");
  for (const char* text : {" ", "\u00ad", "\u0144", "\u2581", "\n"})
    EXPECT_EQ(unspell_bytes(text), std::nullopt) << text;
}

TEST(StringTableTest, FindsWhatWasInserted) {
  StringTable table;
  EXPECT_EQ(table.find("a"), std::nullopt);
  table.reserve(3, 20);
  EXPECT_TRUE(table.insert("", 7));
  EXPECT_TRUE(table.insert("abcdefgh", 8));
  EXPECT_TRUE(table.insert("abcdefghi", 9));
  EXPECT_FALSE(table.insert("abcdefgh", 10));
  EXPECT_EQ(table.find(""), 7);
  EXPECT_EQ(table.find("abcdefgh"), 8);
  EXPECT_EQ(table.find("abcdefghi"), 9);
  EXPECT_EQ(table.find("abcdefgj"), std::nullopt);
}

BytePairEncoding tiny() {
  VocabularyEntries entries;
  for (int b = 0; b < 256; ++b) {
    const char raw = static_cast<char>(b);
    entries.emplace_back(spell_bytes({&raw, 1}), b);
  }
  entries.insert(entries.end(), {{"ab", 256}, {"abc", 257}, {"bc", 258}, {"aab", 259}});
  const std::vector<Merge> merges = {{'b', 'c', 258, 0}, {'a', 'b', 256, 1}, {256, 'c', 257, 2}};
  BpeOptions options{.byte_level = true};
  options.pre_tokenizer = {{.kind = PreTokenizerStep::Kind::kPattern, .pattern = WordPattern::kGpt2}};
  return {Vocabulary(entries, "test"), merges, std::move(options), "test"};
}

std::vector<TokenId> ids_of(const TextModel& model, std::string_view text) {
  std::vector<TokenId> ids;
  model.tokenize(text, true, ids);
  return ids;
}

TEST(BpeTest, EntriesThatNoMergeMakesAreNotFound) {
  const auto model = tiny();
  for (int twice = 0; twice < 2; ++twice) {  // the second time from what the first found out
    EXPECT_THAT(ids_of(model, "abc"), ElementsAre('a', 258));
    EXPECT_THAT(ids_of(model, "aab"), ElementsAre('a', 256));
    EXPECT_THAT(ids_of(model, "ab"), ElementsAre(256));
  }
}

TEST(BpeTest, ThreadsShareATokenizer) {
  const auto model = tiny();
  std::string text;
  for (int i = 0; i < 2000; ++i) text += i % 3 == 0 ? "abc aab " : i % 3 == 1 ? "ab bc " : "c b a";
  const auto want = ids_of(tiny(), text);
  std::vector<std::vector<TokenId>> found(4);
  std::vector<std::thread> threads;
  for (auto& ids : found) threads.emplace_back([&] { ids = ids_of(model, text); });
  for (auto& thread : threads) thread.join();
  for (const auto& ids : found) EXPECT_EQ(ids, want);
}

TEST(BpeTest, UnknownTokenIsNeededOnlyWhereBytesAreMissing) {
  const VocabularyEntries entries = {{"a", 0}};
  BpeOptions options{.byte_level = true, .unk_token = "<unk>"};
  EXPECT_ERROR(BytePairEncoding(Vocabulary(entries, "f"), {}, options, "f"), ErrorKind::kBadData, "tokenizer_vocab");
  options.unk_token = "a";
  const BytePairEncoding model(Vocabulary(entries, "f"), {}, options, "f");
  EXPECT_THAT(ids_of(model, "bab"), ElementsAre(0, 0, 0));
}

}  // namespace
}  // namespace frugal::tokenizers
