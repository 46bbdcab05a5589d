#include "datasets/tokenizers/normalizer.h"

#include <algorithm>

#include "core/io/utf8.h"
#include "core/text.h"
#include "datasets/tokenizers/unicode.h"

namespace frugal::tokenizers {

namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  const auto bad = io::first_invalid_utf8(text);
  if (!bad) return std::string(text);
  std::string result(text.substr(0, *bad));
  for (std::size_t at = *bad; at < text.size();) {
    const auto step = io::decode_utf8(text, at);
    io::append_utf8(result, step.code_point);
    at += step.bytes;
  }
  return result;
}

std::string apply_normalizer(const Normalizer& steps, std::string_view text) {
  auto result = valid_utf8(text);
  for (const auto& step : steps) {
    switch (step.kind) {
      case NormalizerStep::Kind::kNfc:
        if (!is_ascii(result)) result = compose(result);
        break;
      case NormalizerStep::Kind::kPrepend:
        if (!result.empty()) result.insert(0, step.content);
        break;
      case NormalizerStep::Kind::kReplace:
        result = replace_all(result, step.pattern, step.content);
        break;
    }
  }
  return result;
}

}  // namespace frugal::tokenizers
