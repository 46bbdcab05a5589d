#include "datasets/tokenizers/sentencepiece_file.h"

#include <cstdint>
#include <cstring>

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/vocabulary.h"

namespace frugal::tokenizers {

namespace {

// Fields of sentencepiece_model.proto.
constexpr std::uint64_t kPieces = 1, kNormalizer = 3, kDenormalizer = 5;    // ModelProto
constexpr std::uint64_t kPieceText = 1;                                     // SentencePiece
constexpr std::uint64_t kCharsmap = 2, kDummyPrefix = 3, kExtraSpaces = 4;  // NormalizerSpec
constexpr std::size_t kMaxPieces = 2'000'000;

// The fields of one protobuf message, one after the other.
class Message {
 public:
  // begin: the message's first byte in the file, for errors.
  Message(std::string_view bytes, std::size_t begin, const std::string& file)
      : bytes_(bytes), begin_(begin), file_(file) {}

  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorKind::kBadData, "tokenizer_sentencepiece", message, cat(file_, ": byte ", begin_ + at_));
  }
  // False at the end. Afterwards field, type, and number (of a varint) or content (of a text or message) are set.
  bool next() {
    if (at_ == bytes_.size()) return false;
    const auto tag = varint();
    field = tag >> 3;
    type = tag & 7;
    if (field == 0) fail("expected a protobuf field, found number 0: this is no SentencePiece model");
    switch (type) {
      case 0:
        number = varint();
        return true;
      case 1:
        take(8);
        return true;
      case 2:
        content = take(varint());
        return true;
      case 5:
        take(4);
        return true;
      default:
        fail(cat("unknown protobuf wire type ", type, ": this is no SentencePiece model"));
    }
  }
  // The message in the current field.
  Message inner() const { return {content, begin_ + at_ - content.size(), file_}; }

  std::uint64_t field = 0, type = 0, number = 0;
  std::string_view content;

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) fail("the file ends inside a number");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    fail("a number of more than 64 bits");
  }
  std::string_view take(std::uint64_t length) {
    if (length > bytes_.size() - at_) fail(cat("a field of ", length, " bytes, only ", bytes_.size() - at_, " follow"));
    at_ += length;
    return bytes_.substr(at_ - length, length);
  }

  std::string_view bytes_;
  std::size_t begin_, at_ = 0;
  const std::string& file_;
};

std::uint32_t word_at(std::string_view bytes, std::size_t index) {
  std::uint32_t word;
  std::memcpy(&word, bytes.data() + 4 * index, 4);
  return word;
}

// A double array (darts-clone): from unit i a byte b leads to unit (i ^ offset(i)) ^ b; a unit with the top bit set is
// a value, here the place of a replacement, which ends with a NUL. Empty: no replacements.
void check_charsmap(const Message& spec, std::string_view map) {
  if (map.empty()) return;
  if (map.size() < 4) spec.fail("a table of characters of less than 4 bytes");
  const std::size_t bytes = word_at(map, 0);
  map.remove_prefix(4);
  if (bytes > map.size() || bytes % 4 != 0 || bytes == 0)
    spec.fail(cat("a trie of ", bytes, " bytes in a table of ", map.size()));
  const auto replacements = map.size() - bytes;
  if (replacements == 0 || map.back() != '\0') spec.fail("the replacements do not end with a NUL");
  const auto units = bytes / 4;
  for (std::size_t i = 0; i < units; ++i) {
    const auto unit = word_at(map, i);
    if ((unit >> 31) != 0) {
      if ((unit & 0x7FFFFFFFu) >= replacements) spec.fail(cat("unit ", i, " of the trie names no replacement"));
      continue;
    }
    const std::size_t offset = std::size_t{unit >> 10} << ((unit & (1u << 9)) >> 6);
    if (((i ^ offset) | 0xFF) >= units) spec.fail(cat("unit ", i, " of the trie leads out of it"));
  }
}

void check_piece(Message piece) {
  while (piece.next())
    if (piece.field == kPieceText && piece.type == 2) {
      if (piece.content.size() > kMaxTokenBytes) piece.fail(cat("a piece of ", piece.content.size(), " bytes"));
      if (io::first_invalid_utf8(piece.content)) piece.fail("a piece is no UTF-8");
      if (piece.content.find('\0') != std::string_view::npos) piece.fail("a piece holds a NUL");
    }
}

void check_normalizer(Message spec, SentencePieceSettings& settings) {
  while (spec.next()) {
    if (spec.field == kCharsmap && spec.type == 2) check_charsmap(spec, spec.content);
    if (spec.field == kDummyPrefix && spec.type == 0) settings.add_dummy_prefix = spec.number != 0;
    if (spec.field == kExtraSpaces && spec.type == 0) settings.remove_extra_whitespaces = spec.number != 0;
  }
}

}  // namespace

SentencePieceSettings check_sentencepiece(std::string_view bytes, const std::string& file) {
  SentencePieceSettings settings, denormalizer;
  Message model(bytes, 0, file);
  std::size_t pieces = 0;
  while (model.next()) {
    if (model.type != 2) continue;
    if (model.field == kPieces) {
      if (++pieces > kMaxPieces) model.fail(cat("more than ", kMaxPieces, " pieces"));
      check_piece(model.inner());
    } else if (model.field == kNormalizer || model.field == kDenormalizer) {
      check_normalizer(model.inner(), model.field == kNormalizer ? settings : denormalizer);
    }
  }
  if (pieces == 0) model.fail("the model has no pieces");
  return settings;
}

}  // namespace frugal::tokenizers
