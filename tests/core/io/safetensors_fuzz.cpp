// libFuzzer: any bytes are either a consistent file, whose tensors can all be read, or Error(kBadData).
#include <cstdlib>
#include <numeric>

#include "core/error.h"
#include "core/io/safetensors.h"
#include "tests/support/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const frugal::test::MemoryFile file(data, size);
  try {
    const auto opened = frugal::io::SafetensorsFile::open(file.path());
    std::size_t bytes = 0;
    unsigned sum = 0;
    for (const auto& tensor : opened.tensors()) {
      if (opened.find(tensor.name) != &tensor) std::abort();
      if (static_cast<std::uint64_t>(tensor.elements()) * frugal::io::dtype_bits(tensor.dtype) !=
          8 * tensor.bytes.size())
        std::abort();
      bytes += tensor.bytes.size();
      for (const auto byte : tensor.bytes) sum += static_cast<unsigned>(byte);
    }
    volatile unsigned kept = sum;  // the bytes must be read, so that the sanitizer sees every one
    static_cast<void>(kept);
    if (bytes > size) std::abort();
  } catch (const frugal::Error& error) {
    if (error.kind() != frugal::ErrorKind::kBadData || error.where().empty()) std::abort();
  }
  return 0;
}
