// Cutting of normalized text into words, as tokenizer.json lists it: Digits, Split, ByteLevel, Metaspace, in a
// sequence.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/tokenizers/word_patterns.h"

namespace frugal::tokenizers {

struct PreTokenizerStep {
  enum class Kind {
    kDigits,       // each number a word of its own, or each run of numbers
    kPattern,      // each match of a pattern
    kPrefixSpace,  // puts a space before a word that starts with none
    kMetaspace,    // spaces become `replacement`, one may be put in front, cut before each
  };
  enum class Prepend { kAlways, kFirst, kNever };  // kFirst: only where the text starts

  Kind kind = Kind::kPattern;
  bool individual_digits = true;             // kDigits
  WordPattern pattern = WordPattern::kGpt2;  // kPattern
  std::string replacement = "\u2581";        // kMetaspace
  Prepend prepend = Prepend::kAlways;        // kMetaspace
  bool split = true;                         // kMetaspace
};

using PreTokenizer = std::vector<PreTokenizerStep>;

// Words of one text; they point into it or into `made`.
struct Words {
  std::vector<std::string_view> words;
  std::deque<std::string> made;
};

// text: UTF-8, not empty. at_start: nothing stands before it in the input.
void pre_tokenize(const PreTokenizer& steps, std::string_view text, bool at_start, Words& out);

}  // namespace frugal::tokenizers
