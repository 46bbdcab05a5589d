// Tokens back to text, as tokenizer.json lists it: ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace.
#pragma once

#include <string>
#include <vector>

namespace frugal::tokenizers {

struct DecoderStep {
  enum class Kind {
    kByteLevel,     // GPT-2's printable bytes to bytes, all tokens to one text
    kByteFallback,  // runs of <0xNN> to the text that these bytes are, U+FFFD for each byte when they are none
    kFuse,          // all tokens to one text
    kReplace,       // pattern -> content in each token
    kStrip,         // at most `start` and `stop` times `content`, one character, off the ends of each token
    kMetaspace,     // `pattern`, one character, to a space; dropped in the first token if strip_first
  };
  Kind kind = Kind::kByteLevel;
  std::string pattern = {}, content = {};
  std::size_t start = 0, stop = 0;
  bool strip_first = false;
};

using TokenDecoder = std::vector<DecoderStep>;

// The text of the tokens; without steps the tokens with a space between them.
std::string decode_tokens(const TokenDecoder& steps, std::vector<std::string> tokens);

}  // namespace frugal::tokenizers
