// The labelled sentences that the project ships.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "datasets/user_files.h"

namespace frugal::datasets {
namespace {

TextDataset load(const std::string& split) {
  const auto folder = std::filesystem::path(FRUGAL_SOURCE_DIR) / "datasets" / "sentiment_small";
  return load_tsv(folder / (split + ".tsv"), {.label_names = {"negative", "positive"}}, split);
}

// Lower-case words, so that punctuation and case make no two sentences different.
std::vector<std::string> words_of(const std::string& sentence) {
  std::vector<std::string> words(1);
  for (const char c : sentence) {
    const bool letter = static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (letter) {
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::size_t positive(const TextDataset& dataset) {
  std::size_t count = 0;
  for (const auto& example : dataset.examples) count += std::get<std::int64_t>(example.label) == 1 ? 1 : 0;
  return count;
}

TEST(SentimentSmall, SizesAndBalance) {
  const auto train = load("train"), dev = load("dev");
  EXPECT_EQ(train.examples.size(), 260u);
  EXPECT_EQ(positive(train), 130u);
  EXPECT_EQ(dev.examples.size(), 120u);
  EXPECT_EQ(positive(dev), 60u);
}

TEST(SentimentSmall, NoSentenceTwice) {
  std::set<std::vector<std::string>> seen;
  for (const char* split : {"train", "dev"})
    for (const auto& example : load(split).examples)
      EXPECT_TRUE(seen.insert(words_of(example.sentence)).second) << example.sentence;
}

TEST(SentimentSmall, WordsAloneDoNotSolveIt) {
  std::map<std::string, double> counts[2];
  for (const auto& example : load("train").examples) {
    const auto words = words_of(example.sentence);
    for (const auto& word : std::set<std::string>(words.begin(), words.end()))
      counts[std::get<std::int64_t>(example.label)][word] += 1;
  }
  int right = 0;
  for (const auto& example : load("dev").examples) {
    const auto words = words_of(example.sentence);
    double score = 0;
    for (const auto& word : std::set<std::string>(words.begin(), words.end()))
      score += std::log((counts[1][word] + 1) / (counts[0][word] + 1));
    right += (score > 0) == (std::get<std::int64_t>(example.label) == 1) ? 1 : 0;
  }
  EXPECT_GT(right, 60) << "worse than chance: labels look wrong";
  EXPECT_LT(right, 90) << "solved by counting words: the sentences are too easy";
}

}  // namespace
}  // namespace frugal::datasets
