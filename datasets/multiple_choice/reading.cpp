// SciQ, RACE, PubMedQA: questions about a text.
#include <algorithm>

#include "core/text.h"
#include "datasets/multiple_choice/readers.h"
#include "datasets/multiple_choice/row.h"
#include "datasets/python_text.h"
#include "datasets/tokenizers/json_file.h"

namespace frugal::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxJsonFile = std::size_t{256} << 20U;

nlohmann::json read_file(const fs::path& file, tokenizers::JsonRoot root = tokenizers::JsonRoot::kObject) {
  return tokenizers::read_json(file, kMaxJsonFile, "dataset_row", {}, root);
}

Row::Fail at_place(std::string place) {
  return [place = std::move(place)](const std::string& message) {
    throw Error(ErrorKind::kBadData, "dataset_row", message, place);
  };
}

struct RaceProblem {
  std::string question;
  std::vector<std::string> options;
  std::size_t answer = 0;
};

std::vector<RaceProblem> race_problems(const Row& article) {
  const auto questions = article.texts("questions"), answers = article.texts("answers");
  const nlohmann::json& options = article.at("options");
  if (!options.is_array() || options.size() != questions.size() || answers.size() != questions.size() ||
      questions.empty())
    article.stop("'questions', 'options' and 'answers' must be lists of one length, not empty");
  std::vector<RaceProblem> problems;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    RaceProblem problem{.question = questions[i]};
    if (!options[i].is_array() || options[i].size() != 4) article.stop(cat("question ", i, " must have four options"));
    for (const auto& option : options[i]) {
      if (!option.is_string()) article.stop(cat("an option of question ", i, " is not text"));
      problem.options.push_back(option.get<std::string>());
    }
    if (answers[i].size() != 1 || answers[i][0] < 'A' || answers[i][0] > 'D')
      article.stop(cat("the answer of question ", i, " must be A, B, C or D"));
    problem.answer = static_cast<std::size_t>(answers[i][0] - 'A');
    problems.push_back(std::move(problem));
  }
  return problems;
}

Question race_question(const std::string& id, const Row& article) {
  const std::vector<RaceProblem> problems = race_problems(article);
  std::string context = "Article: " + article.text("article") + "\n\n";
  for (std::size_t i = 0; i + 1 < problems.size(); ++i) {
    const RaceProblem& problem = problems[i];
    const std::string& answer = problem.options[problem.answer];
    // A sentence with a gap at its end is shown completed.
    if (problem.question.ends_with("  _  ."))
      context += problem.question.substr(0, problem.question.size() - 5) + answer + "\n";
    else
      context += "Question: " + problem.question + "\nAnswer: " + answer + "\n";
  }
  const RaceProblem& last = problems.back();
  return plain_question(id, context + last.question, last.options, last.answer);
}

}  // namespace

std::vector<Question> read_sciq(const fs::path& file) {
  const nlohmann::json all = read_file(file, tokenizers::JsonRoot::kArray);
  std::vector<Question> questions;
  for (const auto& item : all) {
    const Row row(item, at_place(cat(file.string(), ": item ", questions.size())));
    const std::string context = cat(lstrip(row.text("support")), "\nQuestion: ", row.text("question"), "\nAnswer:");
    questions.push_back(plain_question(
        std::to_string(questions.size()), context,
        {row.text("distractor1"), row.text("distractor2"), row.text("distractor3"), row.text("correct_answer")}, 3));
  }
  return questions;
}

std::vector<Question> read_race(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  // Articles are numbered; the order of a folder is chance.
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    const auto one = a.stem().string(), two = b.stem().string();
    return std::pair(one.size(), one) < std::pair(two.size(), two);
  });
  std::vector<Question> questions;
  for (const fs::path& file : files) {
    const nlohmann::json article = read_file(file);
    questions.push_back(race_question(file.stem().string(), Row(article, at_place(file.string()))));
  }
  return questions;
}

std::vector<Question> read_pubmedqa(const fs::path& file, const fs::path& ids, bool listed) {
  const nlohmann::json all = read_file(file), test = read_file(ids);
  const std::vector<std::string> answers = {"yes", "no", "maybe"};
  std::vector<Question> questions;
  for (const auto& [id, item] : all.items()) {
    if (test.contains(id) != listed) continue;
    const Row row(item, at_place(cat(file.string(), ": '", io::printable(id), "'")));
    const std::string context =
        "Abstract: " + joined(row.texts("CONTEXTS"), "\n") + "\nQuestion: " + row.text("QUESTION") + "\nAnswer:";
    const std::string decision = row.text("final_decision");
    const auto right = std::find(answers.begin(), answers.end(), decision);
    if (right == answers.end())
      row.stop(cat("'final_decision' must be yes, no or maybe, found '", io::printable(decision), "'"));
    questions.push_back(plain_question(id, context, answers, static_cast<std::size_t>(right - answers.begin())));
  }
  return questions;
}

}  // namespace frugal::datasets
