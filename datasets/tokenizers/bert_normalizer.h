// The text clean-up of BERT's WordPiece tokenizers (`BertNormalizer` of Python's tokenizers).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace frugal::tokenizers {

struct BertNormalizer {
  bool clean_text = true;            // drops control characters, NUL and U+FFFD; white space becomes a space
  bool handle_chinese_chars = true;  // a space on either side of each CJK ideograph
  std::optional<bool> strip_accents = std::nullopt;  // empty: as lowercase says
  bool lowercase = true;

  // text may hold bytes that are no UTF-8; the result is UTF-8.
  std::string normalize(std::string_view text) const;
};

}  // namespace frugal::tokenizers
