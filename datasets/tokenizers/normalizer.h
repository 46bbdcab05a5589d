// Changes of raw text before words are looked for, as tokenizer.json lists them: NFC, Prepend, Replace.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace frugal::tokenizers {

struct NormalizerStep {
  enum class Kind { kNfc, kPrepend, kReplace };
  Kind kind = Kind::kNfc;
  std::string pattern = {};  // of kReplace: what to look for, not empty
  std::string content = {};  // of kPrepend (not put before an empty text) and kReplace
};

using Normalizer = std::vector<NormalizerStep>;

// text may hold bytes that are no UTF-8, which become U+FFFD; the result is UTF-8.
std::string apply_normalizer(const Normalizer& steps, std::string_view text);

// Valid UTF-8 of text: U+FFFD for each maximal invalid part.
std::string valid_utf8(std::string_view text);

}  // namespace frugal::tokenizers
