// One reader a file layout; each appends the questions of a file. Internal to multiple_choice.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "datasets/multiple_choice/question.h"

namespace frugal::datasets {

// A question with one context for all choices.
Question plain_question(std::string id, const std::string& context, const std::vector<std::string>& answers,
                        std::size_t target);

// AI2's JSONL: question.stem, question.choices[text, label], answerKey. ARC asks "Question: ...\nAnswer:", OpenBookQA
// shows the stem alone.
enum class ScienceFormat { kArc, kOpenBookQa };
std::vector<Question> read_science(const std::filesystem::path& file, ScienceFormat format);
// goal, sol1, sol2; the labels beside it, a line each.
std::vector<Question> read_piqa(const std::filesystem::path& file, const std::filesystem::path& labels);
// sentence with "_", option1, option2, answer. Partial scoring: the rest of the sentence, given each option.
std::vector<Question> read_winogrande(const std::filesystem::path& file);
// activity_label, ctx_a, ctx_b, endings, label.
std::vector<Question> read_hellaswag(const std::filesystem::path& file);
// A JSON array: question, distractor1..3, correct_answer (the last choice), support.
std::vector<Question> read_sciq(const std::filesystem::path& file);
// A folder of articles, a JSON file each; the last question of each is scored, the others stand before it answered.
std::vector<Question> read_race(const std::filesystem::path& folder);
// ori_pqal.json; `ids` (test_ground_truth.json) says which to keep, in its order; empty: all but those.
std::vector<Question> read_pubmedqa(const std::filesystem::path& file, const std::filesystem::path& ids, bool listed);
// question, A, B, C, D, letter; no header.
std::vector<Question> read_mmlu(const std::filesystem::path& file, const std::string& subject, bool strip_question);

// The 57 subjects of MMLU with the harness's four categories (anatomy is STEM there, "other" in the original).
struct MmluSubject {
  std::string_view name, category;
};
std::span<const MmluSubject> mmlu_subjects();
std::string mmlu_description(std::string_view subject, bool harness);

}  // namespace frugal::datasets
