// What of a SentencePiece model file must be known before libsentencepiece gets it: the library trusts the tables in
// it. Internal to the tokenizers.
#pragma once

#include <string>
#include <string_view>

namespace frugal::tokenizers {

struct SentencePieceSettings {
  // Both make the library drop a space that a decoded text starts with.
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
};

// bytes: a serialized ModelProto (sentencepiece_model.proto). Checks the wire format as far as it is looked at, the
// number and length of pieces, and that no walk through the table of character replacements leaves it. Error(kBadData,
// "tokenizer_sentencepiece") with where = "file: byte N".
SentencePieceSettings check_sentencepiece(std::string_view bytes, const std::string& file);

}  // namespace frugal::tokenizers
