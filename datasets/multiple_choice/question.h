// Multiple-choice questions as texts for a language model: what a choice is scored after, and what is scored.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "datasets/text_dataset.h"

namespace frugal::datasets {

struct Choice {
  std::string context;       // what stands before the answer; differs from choice to choice in WinoGrande only
  std::string continuation;  // what is scored: the delimiter, a space, and the answer
  std::string text;          // what acc_norm and acc_bytes divide by the length of
};

struct Question {
  std::string id;           // unique in its split
  std::size_t subject = 0;  // index into MultipleChoiceDataset::subjects
  std::vector<Choice> choices;
  std::size_t target = 0;  // index of the right choice
};

// A part with a preamble and few-shot examples of its own: MMLU has 57, the others are one.
struct Subject {
  std::string name, category;
  std::string description;         // stands before the examples, ends with its own line breaks
  std::vector<Question> examples;  // candidates for few-shot prompts, in file order
};

struct MultipleChoiceDataset {
  std::string name, split;
  std::vector<Subject> subjects;
  std::vector<Question> questions;
  std::vector<SourceFile> sources;
};

}  // namespace frugal::datasets
