// libFuzzer: any bytes are either a consistent file, whose metadata and tensors can all be read, or Error(kBadData).
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/gguf_dequantize.h"
#include "core/io/gguf_model.h"
#include "tests/support/memory_file.h"

namespace {

namespace io = frugal::io;

unsigned sum = 0;  // everything must be read, so that the sanitizer sees every byte

void read_value(const io::GgufValue& value) {
  if (const auto texts = value.texts())
    for (const auto text : *texts)
      for (const char c : text) sum += static_cast<unsigned char>(c);
  for (const auto number : value.integers().value_or(std::vector<std::int64_t>())) sum += static_cast<unsigned>(number);
  sum += static_cast<unsigned>(value.numbers().value_or(std::vector<double>()).size());
  sum += static_cast<unsigned>(value.integer().value_or(0)) + static_cast<unsigned>(value.number().has_value());
  sum += static_cast<unsigned>(value.text().value_or("").size()) + static_cast<unsigned>(value.flag().value_or(false));
}

void read_file(const io::GgufFile& file, std::size_t size) {
  std::size_t bytes = 0;
  for (const auto& entry : file.metadata()) {
    if (file.value(entry.key) != &entry.value) std::abort();
    read_value(entry.value);
  }
  for (const auto& tensor : file.tensors()) {
    if (file.find(tensor.name) != &tensor) std::abort();
    bytes += tensor.bytes.size();
    if (!io::can_dequantize(tensor.type)) continue;
    std::vector<float> weights(static_cast<std::size_t>(tensor.elements()));
    io::dequantize(tensor, weights);
    sum += weights[0] > 0;
  }
  if (bytes > size) std::abort();
}

void read_model(const std::filesystem::path& path) {
  const auto model = io::GgufModel::open(path);
  sum += static_cast<unsigned>(model.config().dump().size());
  for (const auto& tensor : model.tensors()) {
    if (model.find(tensor.name) != &tensor) std::abort();
    if (!io::can_dequantize(tensor.source->type)) continue;
    std::vector<float> weights(static_cast<std::size_t>(tensor.source->elements()));
    model.read(tensor, weights);
  }
}

template <typename Call>
void only_bad_data(const Call& call) {
  try {
    call();
  } catch (const frugal::Error& error) {
    if (error.kind() != frugal::ErrorKind::kBadData || error.where().empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const frugal::test::MemoryFile file(data, size);
  only_bad_data([&] { read_file(io::GgufFile::open(file.path()), size); });
  only_bad_data([&] { read_model(file.path()); });
  volatile unsigned kept = sum;
  static_cast<void>(kept);
  return 0;
}
