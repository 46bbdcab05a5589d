// PIQA, WinoGrande, HellaSwag: common sense.
#include "core/text.h"
#include "datasets/multiple_choice/readers.h"
#include "datasets/multiple_choice/row.h"
#include "datasets/python_text.h"

namespace frugal::datasets {
namespace {

// What the harness removes from HellaSwag's texts: marks of the WikiHow part.
std::string without_wikihow_marks(std::string_view raw) {
  const std::string text = replace_all(strip(raw), " [title]", ". ");
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t close = text[at] == '[' ? text.find_first_of("]\n", at) : std::string::npos;
    if (close != std::string::npos && text[close] == ']') {
      at = close + 1;
    } else {
      out += text[at++];
    }
  }
  return replace_all(out, "  ", " ");
}

template <typename Read>
std::vector<Question> read_lines(const std::filesystem::path& file, const Read& read) {
  std::vector<Question> questions;
  LineFile lines(file);
  std::string_view line;
  while (lines.next(line)) {
    const nlohmann::json object = parse_object(lines, line);
    questions.push_back(read(Row(object, [&](const std::string& message) { lines.fail(message); }), questions.size()));
  }
  return questions;
}

}  // namespace

std::vector<Question> read_piqa(const std::filesystem::path& file, const std::filesystem::path& labels) {
  LineFile answers(labels);
  std::vector<Question> questions = read_lines(file, [&](const Row& row, std::size_t n) {
    std::string_view answer;
    if (!answers.next(answer)) row.stop(cat(labels.string(), " has fewer lines than the questions"));
    if (answer != "0" && answer != "1")
      answers.fail(cat("a label must be 0 or 1, found '", io::printable(answer), "'"));
    return plain_question(std::to_string(n), cat("Question: ", row.text("goal"), "\nAnswer:"),
                          {row.text("sol1"), row.text("sol2")}, answer == "1" ? 1 : 0);
  });
  std::string_view more;
  if (answers.next(more)) answers.fail(cat("more labels than questions in ", file.string()));
  return questions;
}

std::vector<Question> read_winogrande(const std::filesystem::path& file) {
  return read_lines(file, [&](const Row& row, std::size_t n) {
    const std::string sentence = row.text("sentence");
    const std::size_t blank = sentence.find('_');
    if (blank == std::string::npos) row.stop("'sentence' has no '_'");
    Question question{.id = row.has("qID") ? row.text("qID") : std::to_string(n), .target = row.index("answer", 1, 2)};
    const std::string rest = " " + std::string(strip(std::string_view(sentence).substr(blank + 1)));
    for (const char* option : {"option1", "option2"}) {
      const std::string context = sentence.substr(0, blank) + row.text(option);
      question.choices.push_back({.context = context, .continuation = rest, .text = context});
    }
    return question;
  });
}

std::vector<Question> read_hellaswag(const std::filesystem::path& file) {
  return read_lines(file, [&](const Row& row, std::size_t n) {
    const std::string context = row.text("ctx_a") + " " + capitalize(row.text("ctx_b"));
    std::vector<std::string> endings = row.texts("endings");
    for (std::string& ending : endings) ending = without_wikihow_marks(ending);
    return plain_question(std::to_string(n), without_wikihow_marks(row.text("activity_label") + ": " + context),
                          endings, row.index("label", 0, endings.size()));
  });
}

}  // namespace frugal::datasets
