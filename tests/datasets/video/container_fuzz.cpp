// Any bytes as a video's outermost structure: an answer or an Error.
#include "core/error.h"
#include "datasets/video/container.h"
#include "tests/support/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const frugal::test::MemoryFile file(data, size);
  try {
    frugal::video::check_container(file.path());
  } catch (const frugal::Error&) {
  }
  return 0;
}
