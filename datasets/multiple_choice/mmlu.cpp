#include "datasets/multiple_choice/csv_file.h"
#include "datasets/multiple_choice/readers.h"
#include "datasets/python_text.h"

#include "core/error.h"
#include "core/io/utf8.h"
#include "core/text.h"

namespace frugal::datasets {

std::vector<Question> read_mmlu(const std::filesystem::path& file, const std::string& subject, bool strip_question) {
  CsvFile rows(file);
  std::vector<std::string> cells;
  std::vector<Question> questions;
  while (rows.next(cells)) {
    if (cells.size() != 6) rows.fail(cat("expected question, A, B, C, D and a letter, found ", cells.size(), " cells"));
    const std::string& letter = cells[5];
    if (letter.size() != 1 || letter[0] < 'A' || letter[0] > 'D')
      rows.fail(cat("the answer must be A, B, C or D, found '", io::printable(letter), "'"));
    std::string context(strip_question ? strip(cells[0]) : std::string_view(cells[0]));
    for (std::size_t i = 0; i < 4; ++i)
      context += cat("\n", std::string(1, static_cast<char>('A' + i)), ". ", cells[i + 1]);
    questions.push_back(plain_question(cat(subject, "/", questions.size()), context + "\nAnswer:", {"A", "B", "C", "D"},
                                       static_cast<std::size_t>(letter[0] - 'A')));
  }
  return questions;
}

std::string mmlu_description(std::string_view subject, bool harness) {
  // The original code puts a space before every word of the subject, so two stand behind "about".
  return cat("The following are multiple choice questions (with answers) about ", harness ? "" : " ",
             replace_all(subject, "_", " "), ".\n\n");
}

std::span<const MmluSubject> mmlu_subjects() {
  static const MmluSubject subjects[] = {
      {"abstract_algebra", "stem"},
      {"anatomy", "stem"},
      {"astronomy", "stem"},
      {"business_ethics", "other"},
      {"clinical_knowledge", "other"},
      {"college_biology", "stem"},
      {"college_chemistry", "stem"},
      {"college_computer_science", "stem"},
      {"college_mathematics", "stem"},
      {"college_medicine", "other"},
      {"college_physics", "stem"},
      {"computer_security", "stem"},
      {"conceptual_physics", "stem"},
      {"econometrics", "social_sciences"},
      {"electrical_engineering", "stem"},
      {"elementary_mathematics", "stem"},
      {"formal_logic", "humanities"},
      {"global_facts", "other"},
      {"high_school_biology", "stem"},
      {"high_school_chemistry", "stem"},
      {"high_school_computer_science", "stem"},
      {"high_school_european_history", "humanities"},
      {"high_school_geography", "social_sciences"},
      {"high_school_government_and_politics", "social_sciences"},
      {"high_school_macroeconomics", "social_sciences"},
      {"high_school_mathematics", "stem"},
      {"high_school_microeconomics", "social_sciences"},
      {"high_school_physics", "stem"},
      {"high_school_psychology", "social_sciences"},
      {"high_school_statistics", "stem"},
      {"high_school_us_history", "humanities"},
      {"high_school_world_history", "humanities"},
      {"human_aging", "other"},
      {"human_sexuality", "social_sciences"},
      {"international_law", "humanities"},
      {"jurisprudence", "humanities"},
      {"logical_fallacies", "humanities"},
      {"machine_learning", "stem"},
      {"management", "other"},
      {"marketing", "other"},
      {"medical_genetics", "other"},
      {"miscellaneous", "other"},
      {"moral_disputes", "humanities"},
      {"moral_scenarios", "humanities"},
      {"nutrition", "other"},
      {"philosophy", "humanities"},
      {"prehistory", "humanities"},
      {"professional_accounting", "other"},
      {"professional_law", "humanities"},
      {"professional_medicine", "other"},
      {"professional_psychology", "social_sciences"},
      {"public_relations", "social_sciences"},
      {"security_studies", "social_sciences"},
      {"sociology", "social_sciences"},
      {"us_foreign_policy", "social_sciences"},
      {"virology", "other"},
      {"world_religions", "humanities"},
  };
  return subjects;
}

}  // namespace frugal::datasets
