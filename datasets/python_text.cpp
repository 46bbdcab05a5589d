#include "datasets/python_text.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "core/io/utf8.h"

namespace frugal::datasets {
namespace {

std::size_t last_start(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
  return at;
}

}  // namespace

bool is_space(char32_t c) {
  return (c >= 0x1C && c <= 0x1F) || u_isUWhiteSpace(static_cast<UChar32>(c)) != 0;
}

std::string_view lstrip(std::string_view text) {
  while (!text.empty()) {
    const io::Utf8Step step = io::decode_utf8(text, 0);
    if (!is_space(step.code_point)) break;
    text.remove_prefix(step.bytes);
  }
  return text;
}

std::string_view rstrip(std::string_view text) {
  while (!text.empty()) {
    const std::size_t at = last_start(text);
    if (!is_space(io::decode_utf8(text, at).code_point)) break;
    text = text.substr(0, at);
  }
  return text;
}

std::string_view strip(std::string_view text) {
  return lstrip(rstrip(text));
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  const std::size_t first = io::decode_utf8(text, 0).bytes;
  const auto unicode = [](std::string_view part) {
    return icu::UnicodeString::fromUTF8(icu::StringPiece(part.data(), static_cast<int32_t>(part.size())));
  };
  icu::UnicodeString head = unicode(text.substr(0, first));
  head.toTitle(nullptr, icu::Locale::getRoot(), U_TITLECASE_NO_LOWERCASE | U_TITLECASE_NO_BREAK_ADJUSTMENT);
  icu::UnicodeString tail = unicode(text);  // whole, so that a final sigma sees what stands before it
  tail.toLower(icu::Locale::getRoot());
  icu::UnicodeString lower_head = unicode(text.substr(0, first));
  lower_head.toLower(icu::Locale::getRoot());
  tail.remove(0, lower_head.length());
  std::string out;
  head.append(tail).toUTF8String(out);
  return out;
}

}  // namespace frugal::datasets
