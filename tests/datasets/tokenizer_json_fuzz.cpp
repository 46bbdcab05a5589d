// libFuzzer: any bytes are either a tokenizer, whose ids decode again, or Error(kBadData).
#include "datasets/tokenizers/tokenizer_json.h"
#include "tests/datasets/tokenizer_fuzz.h"

namespace tk = frugal::tokenizers;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tk::fuzz_tokenizer(data, size,
                     [](const auto& path) { return tk::PipelineTokenizer(tk::read_tokenizer_json(path), {}, "fuzz"); });
  return 0;
}
