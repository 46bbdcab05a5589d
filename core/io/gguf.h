// Reader of GGUF, versions 2 and 3, little-endian (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md):
//   "GGUF", u32 version, u64 tensors, u64 metadata entries, the entries, the tensors' descriptions, padding, data.
// A file is a stranger's: every count, length, offset and product is checked before use, and a file is either
// consistent or refused with Error(kBadData) that names the byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/ggml_type.h"
#include "core/io/mapped_file.h"

namespace frugal::io {

// Types of metadata values, with the format's numbers.
enum class GgufType : std::uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// "u8" ... "string" "array" "f64".
std::string_view gguf_type_name(GgufType type);

struct GgufLimits {
  static constexpr std::uint64_t kTensors = 100'000;
  static constexpr std::uint64_t kMetadata = 10'000;
  static constexpr std::uint64_t kArrayElements = 8u << 20;
  static constexpr std::uint64_t kKeyBytes = 1024;
  static constexpr std::uint64_t kStringBytes = 16u << 20;
  static constexpr std::uint64_t kMetadataBytes = 512u << 20;  // of all entries together
  static constexpr std::uint32_t kRank = 4;
  static constexpr std::uint32_t kMostAlignment = 65536;
};

// A metadata value: a view into the mapping, valid while the file object lives. Text in it is UTF-8. Accessors are
// empty when the value has another type; integers convert between widths when the number fits.
class GgufValue {
 public:
  GgufValue(GgufType type, GgufType element, std::uint64_t count, std::uint64_t offset, std::span<const std::byte> data)
      : type_(type), element_(element), count_(count), offset_(offset), data_(data) {}

  GgufType type() const { return type_; }
  GgufType element_type() const { return element_; }  // of an array; type() otherwise
  std::uint64_t count() const { return count_; }      // elements of an array; 1 otherwise
  std::uint64_t offset() const { return offset_; }    // of the value's first byte in the file

  // An array's first elements, at most `most`; other values as they are.
  GgufValue head(std::uint64_t most) const {
    return {type_, element_, is_array() && most < count_ ? most : count_, offset_, data_};
  }

  std::optional<std::int64_t> integer() const;                 // any integer type
  std::optional<double> number() const;                        // any integer or float type
  std::optional<bool> flag() const;                            // bool
  std::optional<std::string_view> text() const;                // string
  std::optional<std::vector<std::string_view>> texts() const;  // array of strings
  std::optional<std::vector<std::int64_t>> integers() const;   // array of any integer type or bool
  std::optional<std::vector<double>> numbers() const;          // array of any integer or float type

 private:
  bool is_array() const { return type_ == GgufType::kArray; }

  GgufType type_, element_;
  std::uint64_t count_, offset_;
  std::span<const std::byte> data_;
};

struct GgufEntry {
  std::string_view key;
  GgufValue value;
};

// One tensor of a file. `bytes` points into the mapping, is valid while the file object lives, and is aligned as the
// file says, which may be less than the type wants: copy with memcpy or dequantize, do not cast.
struct GgufTensor {
  std::string_view name;
  GgmlType type = GgmlType::kF32;
  std::vector<std::int64_t> shape;   // as PyTorch has it, outermost first: the reverse of the file's order; all >= 1
  std::uint64_t offset = 0;          // of the first byte, from the start of the file
  std::span<const std::byte> bytes;  // exactly elements / block_elements * block_bytes
  std::int64_t elements() const;     // cannot overflow once the file was accepted
};

// One memory-mapped file. Cheap to open: only the header is read. Movable, not copyable.
class GgufFile {
 public:
  // Errors: kUsage `file_not_found`; kBadData, where = "file: byte N", with codes
  //   gguf_magic       does not start with "GGUF"
  //   gguf_version     version 1, above 3, or big-endian
  //   gguf_truncated   the file ends inside the header or a tensor
  //   gguf_limit       a count or length above GgufLimits, or more than the rest of the file can hold
  //   gguf_metadata    unknown type, array of arrays, bad UTF-8, empty key, a bool that is neither 0 nor 1
  //   gguf_duplicate   a key or a tensor's name twice
  //   gguf_alignment   general.alignment is no u32, or no power of two in 8..65536
  //   gguf_tensor      rank outside 1..4, a dimension of 0 or too large, unknown type, rows of no whole blocks
  //   gguf_layout      an offset that is not aligned, or tensors that overlap
  static GgufFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  std::uint32_t version() const { return version_; }
  std::uint32_t alignment() const { return alignment_; }
  // In the order of the file.
  const std::vector<GgufEntry>& metadata() const { return metadata_; }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  // nullptr when there is none.
  const GgufTensor* find(std::string_view name) const;
  const GgufValue* value(std::string_view key) const;

  // The value of a key as a type; empty when the key is absent.
  // Error(kBadData, "gguf_metadata"), where = "file: byte N: key", when it has another type.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  std::optional<std::string_view> text(std::string_view key) const;
  std::optional<std::vector<std::string_view>> texts(std::string_view key) const;
  std::optional<std::vector<std::int64_t>> integers(std::string_view key) const;
  std::optional<std::vector<double>> numbers(std::string_view key) const;
  // "file: byte N: key 'K'", or "file: key 'K'" when it is absent: `where` of errors about a value.
  std::string where(std::string_view key) const;

 private:
  MappedFile file_;
  std::uint32_t version_ = 0, alignment_ = 32;
  std::vector<GgufEntry> metadata_;
  std::vector<GgufTensor> tensors_;
  std::vector<std::uint32_t> keys_by_name_, tensors_by_name_;  // indices, sorted by name
};

}  // namespace frugal::io
