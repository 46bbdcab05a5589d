// Prints a benchmark as JSON lines: multiple_choice_probe ROOT BENCHMARK SPLIT SHOTS PROMPT
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/utf8.h"
#include "core/text.h"
#include "datasets/multiple_choice/benchmarks.h"
#include "datasets/python_text.h"

int main(int argc, char** argv) {
  using namespace frugal;
  using namespace frugal::datasets;
  if (argc == 2) {  // a text on each line as JSON: its operations
    for (std::string line; std::getline(std::cin, line);) {
      const auto text = nlohmann::json::parse(line).get<std::string>();
      std::cout << nlohmann::json{{"strip", strip(text)},
                                  {"capitalize", capitalize(text)},
                                  {"replace", replace_all(text, "  ", " ")},
                                  {"length", io::code_points(text)}}
                << "\n";
    }
    return 0;
  }
  try {
    const auto shots = static_cast<std::size_t>(std::stoul(argv[4]));
    const auto dataset = load_multiple_choice(
        {.root = argv[1], .benchmark = argv[2], .split = argv[3], .examples = shots > 0, .prompt = argv[5]});
    for (const Question& question : dataset.questions) {
      const Subject& subject = dataset.subjects[question.subject];
      const std::string prefix = few_shot_prefix(subject, shots, ExampleOrder::kFirst, 0);
      nlohmann::json out = {{"id", question.id}, {"subject", subject.name}, {"target", question.target}};
      for (const Choice& choice : question.choices)
        out["choices"].push_back({prefix + choice.context, choice.continuation, choice.text});
      std::cout << out << "\n";
    }
  } catch (const Error& error) {
    std::cerr << error.code() << ": " << error.what() << "\n";
    return 2;
  }
}
