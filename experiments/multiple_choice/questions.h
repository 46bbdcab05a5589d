// From a benchmark's questions to what is asked of the model, and back. Links no LibTorch.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "datasets/multiple_choice/question.h"
#include "experiments/likelihood/items.h"

namespace frugal {

// Where the score of a choice is found.
struct ChoicePlace {
  std::size_t item = 0, continuation = 0;
};

struct PreparedQuestions {
  std::vector<ScoringItem> items;
  std::vector<std::vector<ChoicePlace>> places;  // by question, by choice
  std::size_t truncated = 0;                     // continuations whose context was cut on the left
};

struct PrepareOptions {
  std::size_t max_length = 2048;
  bool share_contexts = true;  // choices with one context are one item
};

// prefixes: text before every question of a subject (few_shot_prefix), by subject. An item's group is its subject.
PreparedQuestions prepare_questions(const datasets::MultipleChoiceDataset& dataset,
                                    const std::vector<std::string>& prefixes, const PairEncoder& encoder,
                                    const PrepareOptions& options);

// Which choice the likelihoods name: the first of the highest ones, plain, divided by the choice's code points, or by
// its bytes.
struct Answer {
  std::size_t plain = 0, by_characters = 0, by_bytes = 0;
};
Answer answer_of(const datasets::Question& question, const std::vector<double>& log_likelihoods);

}  // namespace frugal
