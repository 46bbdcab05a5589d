#include "experiments/multiple_choice/questions.h"

#include <algorithm>

#include "core/io/utf8.h"
#include "datasets/python_text.h"

namespace frugal {
namespace {

using datasets::Choice;
using datasets::Question;

// Items of one question; a choice joins the item of the choice before it when both have the same context ids.
class QuestionItems {
 public:
  QuestionItems(const std::string& prefix, const PairEncoder& encoder, const PrepareOptions& options,
                PreparedQuestions& prepared)
      : prefix_(prefix), encoder_(encoder), options_(options), prepared_(prepared) {}

  void add(const Question& question) {
    std::vector<ChoicePlace> places;
    const std::string* last_context = nullptr;
    TokenIds last_ids;
    for (const Choice& choice : question.choices) {
      const std::string context = prefix_ + choice.context;
      if (last_context == nullptr || *last_context != choice.context) {
        last_ids = encoder_.encode(datasets::rstrip(context));
        last_context = &choice.context;
      }
      TokenPair pair = encoder_.encode_pair(context, choice.continuation, &last_ids);
      prepared_.truncated += truncate_left(pair, options_.max_length) > 0 ? 1 : 0;
      places.push_back(place(std::move(pair), question.subject, places.empty()));
    }
    prepared_.places.push_back(std::move(places));
  }

 private:
  ChoicePlace place(TokenPair pair, std::size_t group, bool first_of_question) {
    auto& items = prepared_.items;
    const bool joins = options_.share_contexts && !first_of_question && items.back().context == pair.context;
    if (!joins) items.push_back({.context = std::move(pair.context), .continuations = {}, .group = group});
    items.back().continuations.push_back(std::move(pair.continuation));
    return {.item = items.size() - 1, .continuation = items.back().continuations.size() - 1};
  }

  const std::string& prefix_;
  const PairEncoder& encoder_;
  const PrepareOptions& options_;
  PreparedQuestions& prepared_;
};

std::size_t best(const std::vector<double>& values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace

PreparedQuestions prepare_questions(const datasets::MultipleChoiceDataset& dataset,
                                    const std::vector<std::string>& prefixes, const PairEncoder& encoder,
                                    const PrepareOptions& options) {
  PreparedQuestions prepared;
  for (const Question& question : dataset.questions)
    QuestionItems(prefixes.at(question.subject), encoder, options, prepared).add(question);
  return prepared;
}

Answer answer_of(const Question& question, const std::vector<double>& log_likelihoods) {
  std::vector<double> by_characters, by_bytes;
  for (std::size_t c = 0; c < log_likelihoods.size(); ++c) {
    const std::string& text = question.choices[c].text;
    by_characters.push_back(log_likelihoods[c] / static_cast<double>(io::code_points(text)));
    by_bytes.push_back(log_likelihoods[c] / static_cast<double>(text.size()));
  }
  return {.plain = best(log_likelihoods), .by_characters = best(by_characters), .by_bytes = best(by_bytes)};
}

}  // namespace frugal
