#include "core/io/gguf_header.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/error.h"
#include "core/io/utf8.h"

namespace frugal::io::detail {

namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian, and bytes are used in place");

// Bytes of one value; 0 for the types that carry their own length.
unsigned fixed_bytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      return 0;
  }
  return 0;
}

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  GgufHeader read();

 private:
  [[noreturn]] void fail(const char* code, const std::string& message, std::uint64_t at) const {
    throw Error(ErrorKind::kBadData, code, message, cat(file_, ": byte ", at));
  }
  std::uint64_t left() const { return bytes_.size() - at_; }

  std::span<const std::byte> take(std::uint64_t count, const char* what) {
    if (count > left())
      fail("gguf_truncated", cat("expected ", count, " bytes of ", what, ", the file ends after ", left()), at_);
    const auto part = bytes_.subspan(at_, count);
    at_ += count;
    return part;
  }
  template <typename T>
  T number(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }
  // A count that neither the limit nor the rest of the file forbids: each of its items takes at least `least` bytes.
  std::uint64_t count(const char* what, std::uint64_t limit, std::uint64_t least) {
    const auto start = at_;
    const auto value = number<std::uint64_t>(what);
    if (value > limit) fail("gguf_limit", cat(what, " ", value, ", the limit is ", limit), start);
    if (value > left() / least) fail("gguf_limit", cat(what, " ", value, ", only ", left(), " bytes follow"), start);
    return value;
  }
  std::string_view text(const char* what, std::uint64_t limit) {
    const auto start = at_;
    const auto length = number<std::uint64_t>(what);
    if (length > limit) fail("gguf_limit", cat(what, " of ", length, " bytes, the limit is ", limit), start);
    const auto part = take(length, what);
    const std::string_view result{reinterpret_cast<const char*>(part.data()), part.size()};
    if (const auto bad = first_invalid_utf8(result)) fail("gguf_metadata", cat(what, " is no UTF-8"), start + 8 + *bad);
    return result;
  }

  void read_start(GgufHeader& header);
  GgufType type(bool element);
  GgufValue value();
  void check_flags(std::uint64_t begin) const;
  GgufEntry entry();
  GgufTensor tensor();
  void check_shape(const GgufTensor& tensor, std::uint64_t start) const;

  std::span<const std::byte> bytes_;
  const std::string& file_;
  std::uint64_t at_ = 0;
};

void Reader::read_start(GgufHeader& header) {
  if (bytes_.size() < 4 || std::memcmp(bytes_.data(), "GGUF", 4) != 0)
    fail("gguf_magic", "expected the file to start with 'GGUF'", 0);
  at_ = 4;
  header.version = number<std::uint32_t>("version");
  if (header.version == 2 || header.version == 3) return;
  if (const auto swapped = __builtin_bswap32(header.version); swapped >= 1 && swapped <= 3)
    fail("gguf_version", "the file is big-endian; only little-endian files can be read", 4);
  fail("gguf_version", cat("expected version 2 or 3, found ", header.version), 4);
}

GgufType Reader::type(bool element) {
  const auto start = at_;
  const auto raw = number<std::uint32_t>("a value's type");
  if (raw > static_cast<std::uint32_t>(GgufType::kF64))
    fail("gguf_metadata", cat("unknown value type ", raw, "; types are 0..12"), start);
  if (element && raw == static_cast<std::uint32_t>(GgufType::kArray))
    fail("gguf_metadata", "arrays of arrays are not supported", start);
  return static_cast<GgufType>(raw);
}

void Reader::check_flags(std::uint64_t begin) const {
  for (auto i = begin; i < at_; ++i)
    if (std::to_integer<unsigned>(bytes_[i]) > 1)
      fail("gguf_metadata", cat("expected a bool of 0 or 1, found ", std::to_integer<unsigned>(bytes_[i])), i);
}

GgufValue Reader::value() {
  const auto own = type(false);
  auto element = own;
  std::uint64_t items = 1;
  if (own == GgufType::kArray) {
    element = type(true);
    items = count("an array's length", GgufLimits::kArrayElements, std::max(1u, fixed_bytes(element)));
  }
  const auto begin = at_;
  if (element == GgufType::kString) {
    for (std::uint64_t i = 0; i < items; ++i) text("a text", GgufLimits::kStringBytes);
  } else {
    take(items * fixed_bytes(element), "a value");
  }
  if (element == GgufType::kBool) check_flags(begin);
  return {own, element, items, begin, bytes_.subspan(begin, at_ - begin)};
}

GgufEntry Reader::entry() {
  const auto start = at_;
  const auto key = text("a key", GgufLimits::kKeyBytes);
  if (key.empty()) fail("gguf_metadata", "a key is empty", start);
  return {key, value()};
}

void Reader::check_shape(const GgufTensor& tensor, std::uint64_t start) const {
  const auto& info = ggml_type_info(tensor.type);
  std::int64_t elements = 1;
  for (const auto dimension : tensor.shape)
    // 2^59 elements of 8 bytes are 2^62 bytes: no later sum can overflow.
    if (__builtin_mul_overflow(elements, dimension, &elements) || elements > std::int64_t{1} << 59)
      fail("gguf_tensor", "the product of the dimensions is too large", start);
  if (tensor.shape.back() % info.block_elements != 0)
    fail("gguf_tensor",
         cat("rows of ", tensor.shape.back(), " weights are no whole blocks: ", info.name, " has blocks of ",
             info.block_elements),
         start);
}

GgufTensor Reader::tensor() {
  const auto start = at_;
  GgufTensor tensor;
  tensor.name = text("a tensor's name", GgufLimits::kKeyBytes);
  const auto rank = number<std::uint32_t>("a tensor's rank");
  if (rank == 0 || rank > GgufLimits::kRank)
    fail("gguf_tensor", cat("expected 1 to ", GgufLimits::kRank, " dimensions, found ", rank), at_ - 4);
  for (std::uint32_t i = 0; i < rank; ++i) {
    const auto dimension = number<std::uint64_t>("a dimension");
    if (dimension == 0 || dimension > std::uint64_t{INT64_MAX})
      fail("gguf_tensor", cat("expected a dimension in 1..2^63-1, found ", dimension), at_ - 8);
    tensor.shape.push_back(static_cast<std::int64_t>(dimension));
  }
  std::reverse(tensor.shape.begin(), tensor.shape.end());
  const auto type = number<std::uint32_t>("a tensor's type");
  const auto info = ggml_type_info(type);
  if (!info) fail("gguf_tensor", cat("unknown tensor type ", type), at_ - 4);
  tensor.type = info->type;
  tensor.offset = number<std::uint64_t>("a tensor's offset");
  check_shape(tensor, start);
  return tensor;
}

GgufHeader Reader::read() {
  GgufHeader header;
  read_start(header);
  // The least entry is a key of one byte and a value of one; the least description has one dimension.
  const auto tensors = count("the number of tensors", GgufLimits::kTensors, 8 + 4 + 8 + 4 + 8);
  const auto entries = count("the number of metadata entries", GgufLimits::kMetadata, 8 + 1 + 4 + 1);
  header.metadata.reserve(entries);
  for (std::uint64_t i = 0; i < entries; ++i) {
    header.metadata.push_back(entry());
    if (at_ > GgufLimits::kMetadataBytes)
      fail("gguf_limit", cat("more than ", GgufLimits::kMetadataBytes, " bytes of metadata"), at_);
  }
  header.tensors.reserve(tensors);
  header.described_at.reserve(tensors);
  for (std::uint64_t i = 0; i < tensors; ++i) {
    header.described_at.push_back(at_);
    header.tensors.push_back(tensor());
  }
  header.end = at_;
  return header;
}

}  // namespace

GgufHeader parse_gguf_header(std::span<const std::byte> bytes, const std::string& file) {
  return Reader(bytes, file).read();
}

std::uint64_t gguf_bytes(const GgufTensor& tensor) {
  const auto& info = ggml_type_info(tensor.type);
  return static_cast<std::uint64_t>(tensor.elements()) / info.block_elements * info.block_bytes;
}

}  // namespace frugal::io::detail
