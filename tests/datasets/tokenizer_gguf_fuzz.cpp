// libFuzzer: any bytes are either a GGUF file with a tokenizer, whose ids decode again, or Error(kBadData).
#include "datasets/tokenizers/gguf_tokenizer.h"
#include "tests/datasets/tokenizer_fuzz.h"

namespace tk = frugal::tokenizers;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tk::fuzz_tokenizer(data, size, [](const auto& path) {
    auto [parts, config] = tk::read_gguf_tokenizer(path);
    return tk::PipelineTokenizer(std::move(parts), config, "fuzz");
  });
  return 0;
}
