#include "core/results/utf8.h"

#include "core/io/utf8.h"

namespace frugal::results {

std::string clean_utf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const io::Utf8Step step = io::decode_utf8(text, at);
    const bool keep = step.valid && step.code_point != 0;
    clean += keep ? text.substr(at, step.bytes) : std::string_view("\xEF\xBF\xBD");
    at += step.bytes;
  }
  return clean;
}

}  // namespace frugal::results
