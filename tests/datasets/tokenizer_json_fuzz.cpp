// libFuzzer: any bytes are either a tokenizer, whose ids decode again, or Error(kBadData).
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "datasets/tokenizers/pipeline_tokenizer.h"
#include "datasets/tokenizers/tokenizer_json.h"
#include "tests/support/memory_file.h"

namespace {

namespace tk = frugal::tokenizers;

// The input's first bytes serve as text, too: they are what a stranger would try.
void use(const tk::Tokenizer& tokenizer, std::string_view text) {
  const auto encoding = tokenizer.encode(text, "a b [MASK] caf\xc3\xa9 \xff", {.max_length = 64});
  if (encoding.ids.size() != encoding.type_ids.size() || encoding.ids.size() != encoding.attention_mask.size())
    std::abort();
  for (const auto id : encoding.ids)
    if (id < 0 || static_cast<std::size_t>(id) >= (1u << 24)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const frugal::tests::MemoryFile file(data, size);
  try {
    const tk::PipelineTokenizer tokenizer(tk::read_tokenizer_json(file.path()), {}, "fuzz");
    use(tokenizer, {reinterpret_cast<const char*>(data), size});
  } catch (const frugal::Error& error) {
    // Templates may ask for more special tokens than fit: the one mistake that is the caller's.
    if (error.kind() != frugal::ErrorKind::kBadData && error.code() != "truncation_impossible") std::abort();
  }
  return 0;
}
