// libFuzzer: any bytes are either a SentencePiece model, whose ids decode again, or Error(kBadData). libsentencepiece
// itself is not instrumented: what this shows is that our checks keep it from harm.
#include "datasets/tokenizers/sentencepiece_tokenizer.h"
#include "tests/datasets/tokenizer_fuzz.h"

namespace tk = frugal::tokenizers;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tk::fuzz_tokenizer(data, size, [](const auto& path) {
    tk::TokenizerConfig config;
    auto parts = tk::read_sentencepiece(path, config);
    return tk::PipelineTokenizer(std::move(parts), config, "fuzz");
  });
  return 0;
}
