// The journal reader over any bytes: as they are, and cut into records with good checksums, since those guard the
// decoder from nearly every input otherwise. What decodes must encode to the same bytes.
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "core/results/frames.h"
#include "core/results/run_data.h"

namespace {

using frugal::results::RunData;

void replay_quietly(std::span<const std::byte> bytes) {
  try {
    const RunData data = frugal::results::replay(bytes, "fuzz").data;
    if (frugal::results::content_hash(data).size() != 64) std::abort();
  } catch (const frugal::Error& error) {
    if (error.kind() != frugal::ErrorKind::kBadData) std::abort();
  }
}

void decode_quietly(std::span<const std::byte> bytes) {
  try {
    const std::string again = encode(frugal::results::decode(bytes));
    const std::string_view before(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (again != before) std::abort();
  } catch (const frugal::Error& error) {
    if (error.kind() != frugal::ErrorKind::kBadData) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  replay_quietly(bytes);
  decode_quietly(bytes);
  // The first record is a run's header, the others are pieces of the input, each after a byte with its length.
  std::string journal;
  frugal::results::append_frame(journal, encode(frugal::results::OpenRecord{.config_json = "{}"}));
  for (std::size_t at = 0; at < size;) {
    const std::size_t length = std::min<std::size_t>(data[at], size - at - 1);
    frugal::results::append_frame(journal, {reinterpret_cast<const char*>(data) + at + 1, length});
    at += length + 1;
  }
  replay_quietly(std::as_bytes(std::span(journal.data(), journal.size())));
  return 0;
}
