// What needs no Python: behaviour at the edges, and errors. Equality with Python is tokenizer_parity.py.
#include "datasets/tokenizers/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/io/utf8.h"
#include "core/log.h"
#include "datasets/tokenizers/byte_trie.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::tokenizers {
namespace {

using test::TempFolder;
using testing::ElementsAre;

constexpr const char* kVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nworld\n##s\n!\nun\n##aff\n##able\n";

TEST(WordPiece, WorkedExample) {
  const TempFolder folder;
  folder.write("vocab.txt", kVocabulary);
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_THAT(tokenizer->encode("Hello worlds! unaffable x").ids, ElementsAre(2, 5, 6, 7, 8, 9, 10, 11, 1, 3));
  const auto pair = tokenizer->encode("hello", "world world", {.max_length = 5});
  EXPECT_THAT(pair.ids, ElementsAre(2, 5, 3, 6, 3));
  EXPECT_THAT(pair.type_ids, ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(pair.attention_mask, ElementsAre(1, 1, 1, 1, 1));
  EXPECT_EQ(tokenizer->decode(pair.ids, true), "hello world");
  EXPECT_EQ(tokenizer->vocabulary_size(), 12u);
  EXPECT_EQ(tokenizer->special_tokens().mask, 4);
  EXPECT_EQ(tokenizer->special_tokens().bos, std::nullopt);
  EXPECT_EQ(tokenizer->token_to_id("##s"), 7);
  EXPECT_EQ(tokenizer->id_to_token(12), std::nullopt);
}

TEST(WordPiece, ImpossibleRequestsAreUsageErrors) {
  const TempFolder folder;
  folder.write("vocab.txt", kVocabulary);
  const auto tokenizer = load_tokenizer(folder.path() / "vocab.txt");
  const auto encode = [&](std::optional<std::string_view> pair, std::size_t max_length, Truncation truncation) {
    return tokenizer->encode("hello world", pair, {.max_length = max_length, .truncation = truncation});
  };
  EXPECT_ERROR(encode(std::nullopt, 1, Truncation::kLongestFirst), ErrorKind::kUsage, "truncation_impossible");
  EXPECT_ERROR(encode(std::nullopt, 3, Truncation::kOnlySecond), ErrorKind::kUsage, "pair_missing");
  EXPECT_ERROR(encode("hello", 4, Truncation::kOnlySecond), ErrorKind::kUsage, "truncation_impossible");
  EXPECT_EQ(encode(std::nullopt, 1, Truncation::kNone).ids.size(), 4u);
  EXPECT_THAT(encode("hello", 3, Truncation::kLongestFirst).ids, ElementsAre(2, 3, 3));
  const std::vector<TokenId> outside = {99};
  EXPECT_ERROR(tokenizer->decode(outside, false), ErrorKind::kUsage, "token_id_out_of_range");
  EXPECT_ERROR(truncation_from_name("first"), ErrorKind::kUsage, "truncation_unknown");
}

TEST(VocabTxt, OddFiles) {
  const TempFolder folder;
  const auto load = [&](std::string_view content) { return load_tokenizer(folder.write("vocab.txt", content)); };
  EXPECT_ERROR(load(""), ErrorKind::kBadData, "tokenizer_vocab");
  EXPECT_ERROR(load("[UNK]\n"), ErrorKind::kBadData, "tokenizer_vocab");
  EXPECT_ERROR_AT(load("[UNK]\n[CLS]\n[SEP]\n\xff\n"), ErrorKind::kBadData, "tokenizer_vocab", "vocab.txt:4");
  EXPECT_ERROR_AT(load("[UNK]\n" + std::string(5000, 'a')), ErrorKind::kBadData, "tokenizer_vocab", "vocab.txt:2");
  const auto twice = load("[UNK]\na\n[CLS]\r\n[SEP]\na\n[PAD]\n[MASK]");
  EXPECT_THAT(twice->encode("a").ids, ElementsAre(2, 4, 3)) << "the later line counts, as in Python";
}

TEST(TokenizerConfig, RolesAndErrors) {
  const TempFolder folder;
  folder.write("vocab.txt", "<unk>\n<s>\n</s>\n<pad>\n<mask>\nHello\nhello\n");
  folder.write("tokenizer_config.json",
               R"({"unk_token":"<unk>","cls_token":{"content":"<s>"},"sep_token":"</s>","pad_token":"<pad>",
                   "mask_token":{"content":"<mask>","lstrip":true},"do_lower_case":false})");
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_THAT(tokenizer->encode("Hello hello <mask>").ids, ElementsAre(1, 5, 6, 4, 2));
  EXPECT_EQ(tokenizer->special_tokens().pad, 3);
  for (const char* bad : {"[]", "{", R"({"cls_token":3})", R"({"do_lower_case":"yes"})",
                          R"({"added_tokens_decoder":{"x":{"content":"y"}}})", R"({"added_tokens_decoder":[]})"}) {
    folder.write("tokenizer_config.json", bad);
    EXPECT_ERROR(load_tokenizer(folder.path()), ErrorKind::kBadData, "tokenizer_config");
  }
}

TEST(LoadTokenizer, TokenizerJsonCountsAndADisagreementIsSaid) {
  const nlohmann::json model = {{"type", "WordPiece"},
                                {"unk_token", "[UNK]"},
                                {"continuing_subword_prefix", "##"},
                                {"max_input_chars_per_word", 100},
                                {"vocab", {{"[UNK]", 0}, {"A", 1}, {"a", 2}}}};
  const nlohmann::json file = {{"normalizer",
                                {{"type", "BertNormalizer"},
                                 {"clean_text", true},
                                 {"handle_chinese_chars", true},
                                 {"strip_accents", nullptr},
                                 {"lowercase", false}}},
                               {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
                               {"model", model}};
  const TempFolder folder;
  folder.write("tokenizer.json", file.dump());
  for (const bool agrees : {true, false}) {
    folder.write("tokenizer_config.json", agrees ? R"({"do_lower_case":false})" : R"({"do_lower_case":true})");
    std::vector<std::string> said;
    log::set_listener([&](log::Level, std::string_view text) { said.emplace_back(text); });
    const auto tokenizer = load_tokenizer(folder.path());
    log::set_listener(nullptr);
    EXPECT_THAT(tokenizer->encode("A").ids, ElementsAre(1));
    EXPECT_EQ(said.empty(), agrees);
  }
}

TEST(LoadTokenizer, MissingFilesAreUsageErrors) {
  const TempFolder folder;
  EXPECT_ERROR(load_tokenizer(folder.path()), ErrorKind::kUsage, "tokenizer_not_found");
  EXPECT_ERROR(load_tokenizer(folder.path() / "none"), ErrorKind::kUsage, "tokenizer_not_found");
}

TEST(ByteTrie, FindsWhatWasInserted) {
  ByteTrie trie;
  std::map<std::string, std::int32_t> reference;
  for (std::int32_t i = 0; i < 5000; ++i) {
    const auto key = std::to_string(i * 2654435761u % 100'000);
    EXPECT_EQ(trie.insert(key, i), reference.emplace(key, i).second);
  }
  for (int i = 0; i < 100'000; ++i) {
    const auto key = std::to_string(i);
    const auto at = reference.find(key);
    ASSERT_EQ(trie.find(key), at == reference.end() ? std::nullopt : std::optional(at->second)) << key;
  }
  ByteTrie small;
  small.insert("ab", 1);
  small.insert("abcd", 2);
  EXPECT_EQ(small.longest_prefix(ByteTrie::kRoot, "abcx").length, 2u);
  EXPECT_EQ(small.longest_prefix(ByteTrie::kRoot, "abcd!").value, 2);
  EXPECT_EQ(small.longest_prefix(ByteTrie::kRoot, "a").value, ByteTrie::kNoValue);
}

TEST(Utf8, StepsAndMessages) {
  EXPECT_EQ(io::first_invalid_utf8("caf\xc3\xa9, eight more bytes \xf0\x9f\x98\x80"), std::nullopt);
  EXPECT_EQ(io::first_invalid_utf8("0123456789\xff"), 10u);
  EXPECT_EQ(io::first_invalid_utf8("\xed\xa0\x80"), 0u);
  EXPECT_EQ(io::decode_utf8("\xf0\x9f\x98", 0).bytes, 3u);
  EXPECT_EQ(io::decode_utf8("\xe2\x82\x41", 0).bytes, 2u);
  std::string text;
  for (const char32_t c : {0x24u, 0xA3u, 0x20ACu, 0x1F600u}) io::append_utf8(text, c);
  EXPECT_EQ(text, "$£€😀");
  EXPECT_EQ(io::printable("a\x1b[31m\xff é"), "a\\x1b[31m\\xff é");
  EXPECT_EQ(io::printable("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace frugal::tokenizers
