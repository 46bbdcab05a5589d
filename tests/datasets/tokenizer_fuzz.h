// What the fuzz targets of all tokenizer files do with a tokenizer: encode hostile text, decode what came out.
#pragma once

#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "datasets/tokenizers/pipeline_tokenizer.h"
#include "tests/support/memory_file.h"

namespace frugal::tokenizers {

// The input's first bytes serve as text, too: they are what a stranger would try.
inline void use(const Tokenizer& tokenizer, std::string_view text) {
  const auto encoding =
      tokenizer.encode(text, "a b [MASK] caf\xc3\xa9 \xff \u2581a <0x41> abc 1234\r\n\r\n  x", {.max_length = 64});
  if (encoding.ids.size() != encoding.type_ids.size() || encoding.ids.size() != encoding.attention_mask.size())
    std::abort();
  for (const auto id : encoding.ids)
    if (id < 0 || static_cast<std::size_t>(id) >= (1u << 24)) std::abort();
  const auto plain = tokenizer.encode(text.substr(0, 4096), {.add_special_tokens = false});
  static_cast<void>(tokenizer.decode(plain.ids, false));
}

// read: from a path to a tokenizer. Only the file may be at fault.
template <typename Read>
void fuzz_tokenizer(const std::uint8_t* data, std::size_t size, const Read& read) {
  const test::MemoryFile file(data, size);
  try {
    use(read(file.path()), {reinterpret_cast<const char*>(data), size});
  } catch (const Error& error) {
    // Templates may ask for more special tokens than fit: the one mistake that is the caller's.
    if (error.kind() != ErrorKind::kBadData && error.code() != "truncation_impossible") std::abort();
  }
}

}  // namespace frugal::tokenizers
