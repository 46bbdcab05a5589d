// For Python tests:
//   gguf_probe raw FILE OUT     dequantizes every tensor in the order of the file, fp32 one after the other, to OUT
//   gguf_probe model FILE OUT   the same by Hugging Face names, sorted; one JSON on stdout: config and [name, shape]
//   gguf_probe speed FILE       seconds to convert all tensors, and how many weights they are
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/gguf_dequantize.h"
#include "core/io/gguf_model.h"

namespace {

namespace io = frugal::io;

void write(std::ofstream& out, const std::vector<float>& weights) {
  out.write(reinterpret_cast<const char*>(weights.data()), static_cast<std::streamsize>(4 * weights.size()));
}

void raw(const char* path, std::ofstream& out) {
  const auto file = io::GgufFile::open(path);
  for (const auto& tensor : file.tensors()) {
    std::vector<float> weights(static_cast<std::size_t>(tensor.elements()));
    io::dequantize(tensor, weights, std::string(tensor.name));
    write(out, weights);
  }
}

void model(const char* path, std::ofstream& out) {
  const auto opened = io::GgufModel::open(path);
  nlohmann::json answer = {{"config", opened.config()}, {"tensors", nlohmann::json::array()}};
  for (const auto& tensor : opened.tensors()) {
    std::vector<float> weights(static_cast<std::size_t>(tensor.source->elements()));
    opened.read(tensor, weights);
    write(out, weights);
    answer["tensors"].push_back({tensor.name, tensor.source->shape});
  }
  std::cout << answer.dump() << '\n';
}

void speed(const char* path) {
  const auto file = io::GgufFile::open(path);
  std::int64_t elements = 0, largest = 0;
  for (const auto& tensor : file.tensors()) largest = std::max(largest, tensor.elements());
  std::vector<float> weights(static_cast<std::size_t>(largest));
  for (int round = 0; round < 2; ++round) {  // the first reads the file
    const auto start = std::chrono::steady_clock::now();
    elements = 0;
    for (const auto& tensor : file.tensors()) {
      io::dequantize(tensor, std::span(weights).first(static_cast<std::size_t>(tensor.elements())));
      elements += tensor.elements();
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::cout << seconds.count() << " s, " << elements << " weights\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 2 ? argv[1] : "";
  if (verb.empty() || (verb != "speed" && argc != 4)) return 2;
  try {
    if (verb == "speed") {
      speed(argv[2]);
      return 0;
    }
    std::ofstream out(argv[3], std::ios::binary);
    verb == "raw" ? raw(argv[2], out) : model(argv[2], out);
    out.close();
    return out ? 0 : 1;
  } catch (const frugal::Error& error) {
    std::cerr << error.what() << '\n';
    return frugal::exit_code(error.kind());
  }
}
