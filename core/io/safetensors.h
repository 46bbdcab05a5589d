// Reader of the safetensors format (https://github.com/huggingface/safetensors, format section of its README):
//   8 bytes little-endian header length N, N bytes of JSON, then the tensors' bytes.
// A file is a stranger's: every length, offset and product is checked before use, and a file is either whole and
// consistent or refused with Error(kBadData). Limits below keep a hostile header from costing memory or time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/mapped_file.h"

namespace frugal::io {

// Element types of the format (safetensors 0.8); F4, F6_* and F8_* are listed and sized, never converted here.
enum class DType {
  kBool,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3Fnuz,
  kF8E5M2Fnuz,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};

// "F32", "BF16", ... as the format spells them.
std::string_view dtype_name(DType dtype);
std::optional<DType> dtype_from_name(std::string_view name);
// Bits of one element: 4 and 6 exist beside whole bytes.
unsigned dtype_bits(DType dtype);

struct SafetensorsLimits {
  static constexpr std::uint64_t kHeaderBytes = 16u << 20;  // about 100 000 tensors; published headers are below 2 MiB
  static constexpr std::size_t kTensors = 100'000;
  static constexpr std::size_t kMetadata = 10'000;
  static constexpr std::size_t kRank = 16;
  static constexpr std::size_t kNameBytes = 1024;
};

// One tensor of a file. `bytes` points into the mapping, is valid while the file object lives, and is aligned only as
// the writer chose: copy it with memcpy, do not cast.
struct TensorEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;   // every dimension >= 0; empty for a scalar
  std::uint64_t offset = 0;          // of the first byte, from the start of the file
  std::span<const std::byte> bytes;  // exactly elements * bits / 8
  std::int64_t elements() const;     // product of the shape; cannot overflow once the file was accepted
};

// One memory-mapped file. Cheap to open: only the header is read. Movable, not copyable.
class SafetensorsFile {
 public:
  // Errors: kUsage `file_not_found`; kBadData with codes
  //   safetensors_truncated      shorter than its 8 + header length
  //   safetensors_header_length  0 or above the limit
  //   safetensors_header         not JSON, bad UTF-8, nested too deep, wrong fields or types; where = "file: byte N"
  //   safetensors_duplicate      a name twice
  //   safetensors_limit          too many tensors or metadata entries, rank or name too long
  //   safetensors_dtype          unknown dtype
  //   safetensors_shape          product overflows, or bits are no whole bytes
  //   safetensors_offsets        begin > end, past the end, or not the size that dtype and shape give
  //   safetensors_layout         tensors overlap, leave a hole, or bytes are left over
  static SafetensorsFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  // In the order of their bytes in the file.
  const std::vector<TensorEntry>& tensors() const { return tensors_; }
  // nullptr when there is none.
  const TensorEntry* find(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  MappedFile file_;
  std::vector<TensorEntry> tensors_;
  std::vector<std::uint32_t> by_name_;  // indices into tensors_, sorted by name
  std::map<std::string, std::string> metadata_;
};

// A model's weights: one file, or a folder with model.safetensors, or with model.safetensors.index.json and its shards.
class SafetensorsModel {
 public:
  // path: a .safetensors file, an .index.json file, or a folder that holds either.
  // Errors, besides those of SafetensorsFile: kUsage `weights_not_found`; kBadData
  //   safetensors_index     the index is not what it should be, or names a file outside its folder
  //   safetensors_shards    the index and the shards disagree (missing, extra or twice-held tensors)
  static SafetensorsModel open(const std::filesystem::path& path);

  // All tensors, sorted by name.
  const std::vector<const TensorEntry*>& tensors() const { return tensors_; }
  const TensorEntry* find(std::string_view name) const;
  // The files read, in the order of their names: for provenance.
  std::vector<std::filesystem::path> files() const;
  // The file that holds this tensor (an entry of tensors()).
  const std::filesystem::path& file_of(const TensorEntry& tensor) const;

 private:
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<const TensorEntry*> tensors_;
  std::vector<std::uint32_t> file_index_;  // beside tensors_
};

}  // namespace frugal::io
