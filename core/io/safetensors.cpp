#include "core/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "core/error.h"
#include "core/io/safetensors_header.h"
#include "core/io/utf8.h"

namespace frugal::io {

namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian, and bytes are used in place");

[[noreturn]] void fail(const char* code, const std::string& message, const std::string& where) {
  throw Error(ErrorKind::kBadData, code, message, where);
}

// Bytes that dtype and shape ask for; an error when the product does not fit or is no whole number of bytes.
std::uint64_t bytes_needed(const detail::HeaderTensor& tensor, const std::string& where) {
  std::uint64_t bits = dtype_bits(tensor.dtype);
  for (const auto dimension : tensor.shape)
    if (__builtin_mul_overflow(bits, static_cast<std::uint64_t>(dimension), &bits))
      fail("safetensors_shape", "the product of the shape overflows 64 bits", where);
  if (bits % 8 != 0)
    fail("safetensors_shape", cat(bits, " bits of ", dtype_name(tensor.dtype), " are not a whole number of bytes"),
         where);
  return bits / 8;
}

void check_layout(const std::vector<TensorEntry>& tensors, std::uint64_t data_begin, std::uint64_t file_size,
                  const std::string& file) {
  std::uint64_t position = data_begin;
  const TensorEntry* previous = nullptr;
  for (const auto& tensor : tensors) {
    const auto where = cat(file, ": byte ", tensor.offset);
    if (tensor.offset < position)
      fail("safetensors_layout",
           cat("tensor '", printable(tensor.name), "' overlaps '", printable(previous->name), "'"), where);
    if (tensor.offset > position)
      fail("safetensors_layout",
           cat(tensor.offset - position, " bytes before tensor '", printable(tensor.name), "' belong to no tensor"),
           where);
    position = tensor.offset + tensor.bytes.size();
    previous = &tensor;
  }
  if (position != file_size)
    fail("safetensors_layout", cat(file_size - position, " bytes after the last tensor belong to no tensor"),
         cat(file, ": byte ", position));
}

std::string_view header_text(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() < 8)
    fail("safetensors_truncated", cat("expected 8 bytes of header length, found ", bytes.size(), " bytes"), file);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  if (length == 0 || length > SafetensorsLimits::kHeaderBytes)
    fail("safetensors_header_length",
         cat("expected a header of 1 to ", SafetensorsLimits::kHeaderBytes, " bytes, found ", length),
         cat(file, ": byte 0"));
  if (length > bytes.size() - 8)
    fail("safetensors_truncated", cat("a header of ", length, " bytes in a file of ", bytes.size(), " bytes"),
         cat(file, ": byte ", bytes.size()));
  return {reinterpret_cast<const char*>(bytes.data()) + 8, static_cast<std::size_t>(length)};
}

// The header's tensor as an entry of this file, its offsets checked against the data section.
TensorEntry resolve(detail::HeaderTensor tensor, std::span<const std::byte> data, std::uint64_t data_begin,
                    const std::string& file) {
  const auto where = cat(file, ": tensor '", printable(tensor.name), "'");
  const auto needed = bytes_needed(tensor, where);
  if (tensor.begin > tensor.end || tensor.end > data.size())
    fail("safetensors_offsets",
         cat("data_offsets [", tensor.begin, ", ", tensor.end, "] do not lie in the ", data.size(), " bytes of data"),
         where);
  if (tensor.end - tensor.begin != needed)
    fail("safetensors_offsets",
         cat("dtype and shape need ", needed, " bytes, data_offsets give ", tensor.end - tensor.begin), where);
  return {std::move(tensor.name), tensor.dtype, std::move(tensor.shape), data_begin + tensor.begin,
          data.subspan(tensor.begin, needed)};
}

}  // namespace

std::int64_t TensorEntry::elements() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile result;
  result.file_ = MappedFile::open(path);
  const auto file = path.string();
  const auto bytes = result.file_.bytes();
  const auto text = header_text(bytes, file);
  auto header = detail::parse_header(text, file);
  const std::uint64_t data_begin = 8 + text.size();
  result.metadata_ = std::move(header.metadata);

  auto& tensors = result.tensors_;
  tensors.reserve(header.tensors.size());
  for (auto& tensor : header.tensors)
    tensors.push_back(resolve(std::move(tensor), bytes.subspan(data_begin), data_begin, file));
  std::sort(tensors.begin(), tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::tuple(a.offset, a.bytes.size(), std::string_view(a.name)) <
           std::tuple(b.offset, b.bytes.size(), std::string_view(b.name));
  });

  auto& by_name = result.by_name_;
  by_name.resize(tensors.size());
  std::iota(by_name.begin(), by_name.end(), 0u);
  std::sort(by_name.begin(), by_name.end(), [&](auto a, auto b) { return tensors[a].name < tensors[b].name; });
  const auto twice = std::adjacent_find(by_name.begin(), by_name.end(),
                                        [&](auto a, auto b) { return tensors[a].name == tensors[b].name; });
  if (twice != by_name.end())
    fail("safetensors_duplicate", "appears twice", cat(file, ": tensor '", printable(tensors[*twice].name), "'"));
  check_layout(tensors, data_begin, bytes.size(), file);
  return result;
}

const TensorEntry* SafetensorsFile::find(std::string_view name) const {
  const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                   [&](auto index, std::string_view wanted) { return tensors_[index].name < wanted; });
  return at != by_name_.end() && tensors_[*at].name == name ? &tensors_[*at] : nullptr;
}

}  // namespace frugal::io
