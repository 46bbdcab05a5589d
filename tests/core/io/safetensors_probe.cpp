// For Python tests: safetensors_probe IN OUT reads IN and writes its tensors and metadata again to OUT; one line
// "name dtype shape offset bytes" a tensor on stdout.
#include <iostream>

#include "core/error.h"
#include "core/io/safetensors_writer.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    const auto file = frugal::io::SafetensorsFile::open(argv[1]);
    std::vector<frugal::io::TensorToWrite> tensors;
    for (const auto& tensor : file.tensors()) {
      tensors.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.bytes});
      std::cout << tensor.name << ' ' << frugal::io::dtype_name(tensor.dtype) << " [";
      for (std::size_t i = 0; i < tensor.shape.size(); ++i) std::cout << (i == 0 ? "" : ",") << tensor.shape[i];
      std::cout << "] " << tensor.offset << ' ' << tensor.bytes.size() << '\n';
    }
    frugal::io::write_safetensors(argv[2], std::move(tensors), file.metadata());
  } catch (const frugal::Error& error) {
    std::cerr << error.what() << '\n';
    return frugal::exit_code(error.kind());
  }
  return 0;
}
