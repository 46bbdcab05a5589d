// glue_dump ROOT TASK SPLIT: the examples of a split as JSON lines, for Python tests.
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "datasets/glue.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    for (const auto& example : frugal::datasets::load_glue(argv[1], argv[2], argv[3]).examples) {
      nlohmann::json row = {{"id", example.id}, {"sentence", example.sentence}, {"label", nullptr}};
      if (example.pair) row["pair"] = *example.pair;
      if (const auto* index = std::get_if<std::int64_t>(&example.label)) row["label"] = *index;
      if (const auto* score = std::get_if<double>(&example.label)) row["label"] = *score;
      std::cout << row.dump() << '\n';
    }
  } catch (const frugal::Error& error) {
    std::cerr << error.what() << '\n';
    return frugal::exit_code(error.kind());
  }
  return 0;
}
