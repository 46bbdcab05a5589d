// For Python tests: language_probe SOURCE FOLDER fp32|bf16 SHARD_BYTES loads a model and saves it to a folder.
#include <iostream>
#include <string>

#include "core/error.h"
#include "models/language/load.h"

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: language_probe SOURCE FOLDER fp32|bf16 SHARD_BYTES\n";
    return 2;
  }
  try {
    const auto type = std::string(argv[3]) == "bf16" ? at::kBFloat16 : at::kFloat;
    const auto loaded = frugal::load_language_model("auto", argv[1], frugal::Json::object(), type, 0);
    frugal::save_language_model(argv[2], *loaded.model, std::stoll(argv[4]));
  } catch (const frugal::Error& error) {
    std::cerr << error.what() << '\n';
    return 3;
  }
  return 0;
}
