#include <algorithm>

#include "datasets/multiple_choice/readers.h"
#include "datasets/multiple_choice/row.h"
#include "datasets/python_text.h"

namespace frugal::datasets {

Question plain_question(std::string id, const std::string& context, const std::vector<std::string>& answers,
                        std::size_t target) {
  Question question{.id = std::move(id), .subject = 0, .choices = {}, .target = target};
  for (const std::string& answer : answers)
    question.choices.push_back({.context = context, .continuation = " " + answer, .text = answer});
  return question;
}

std::vector<Question> read_science(const std::filesystem::path& file, ScienceFormat format) {
  std::vector<Question> questions;
  LineFile lines(file);
  std::string_view line;
  while (lines.next(line)) {
    const nlohmann::json object = parse_object(lines, line);
    const Row row(object, [&](const std::string& message) { lines.fail(message); });
    const Row body = row.object("question");
    std::vector<std::string> answers, labels;
    for (const Row& choice : body.objects("choices")) {
      answers.push_back(choice.text("text"));
      labels.push_back(choice.text("label"));
    }
    const std::string key(lstrip(row.text("answerKey")));
    const auto right = std::find(labels.begin(), labels.end(), key);
    if (right == labels.end()) lines.fail(cat("no choice has the label '", io::printable(key), "' of answerKey"));
    const std::string stem = body.text("stem");
    questions.push_back(plain_question(row.text("id"),
                                       format == ScienceFormat::kArc ? cat("Question: ", stem, "\nAnswer:") : stem,
                                       answers, static_cast<std::size_t>(right - labels.begin())));
  }
  return questions;
}

}  // namespace frugal::datasets
