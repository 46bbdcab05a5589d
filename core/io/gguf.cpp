#include "core/io/gguf.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <tuple>

#include "core/error.h"
#include "core/io/gguf_header.h"
#include "core/io/utf8.h"

namespace frugal::io {

namespace {

[[noreturn]] void fail(const char* code, const std::string& message, const std::string& where) {
  throw Error(ErrorKind::kBadData, code, message, where);
}

// Indices sorted by name; an error when a name is there twice.
template <typename Name>
std::vector<std::uint32_t> sorted_by_name(std::size_t count, const Name& name, const char* what,
                                          std::span<const std::byte> bytes, const std::string& file) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return std::tuple(name(a), a) < std::tuple(name(b), b); });
  const auto twice = std::adjacent_find(order.begin(), order.end(), [&](auto a, auto b) { return name(a) == name(b); });
  if (twice != order.end())
    fail("gguf_duplicate", cat("the ", what, " '", printable(name(*twice)), "' appears twice"),
         cat(file, ": byte ", reinterpret_cast<const std::byte*>(name(*std::next(twice)).data()) - bytes.data()));
  return order;
}

template <typename Name>
std::optional<std::uint32_t> find_name(const std::vector<std::uint32_t>& order, std::string_view wanted,
                                       const Name& name) {
  const auto at = std::lower_bound(order.begin(), order.end(), wanted,
                                   [&](auto index, std::string_view text) { return name(index) < text; });
  return at != order.end() && name(*at) == wanted ? std::optional(*at) : std::nullopt;
}

std::uint32_t checked_alignment(const GgufValue* value, const std::string& file) {
  if (value == nullptr) return 32;
  const auto number = value->integer();
  if (value->type() != GgufType::kU32 || *number < 8 || *number > GgufLimits::kMostAlignment ||
      !std::has_single_bit(static_cast<std::uint32_t>(*number)))
    fail("gguf_alignment",
         cat("general.alignment: expected a u32, a power of two in 8..", GgufLimits::kMostAlignment, ", found ",
             number ? std::to_string(*number) : std::string(gguf_type_name(value->type()))),
         cat(file, ": byte ", value->offset()));
  return static_cast<std::uint32_t>(*number);
}

// Makes the tensors' offsets absolute and their bytes views into the file.
void place_tensors(detail::GgufHeader& header, std::span<const std::byte> bytes, std::uint32_t alignment,
                   const std::string& file) {
  const auto data = (header.end + alignment - 1) / alignment * alignment;
  for (std::size_t i = 0; i < header.tensors.size(); ++i) {
    auto& tensor = header.tensors[i];
    const auto size = detail::gguf_bytes(tensor);
    const auto described = [&] {
      return cat(file, ": byte ", header.described_at[i], ": tensor '", printable(tensor.name), "'");
    };
    if (tensor.offset % alignment != 0)
      fail("gguf_layout", cat("the offset ", tensor.offset, " is no multiple of the alignment ", alignment),
           described());
    const auto room = data <= bytes.size() ? bytes.size() - data : 0;
    if (tensor.offset > room || size > room - tensor.offset)
      fail("gguf_truncated",
           cat(size, " bytes at the offset ", tensor.offset, " do not lie in the ", room, " bytes of data"),
           described());
    tensor.offset += data;
    tensor.bytes = bytes.subspan(tensor.offset, size);
  }
}

void check_overlaps(const std::vector<GgufTensor>& tensors, const std::string& file) {
  std::vector<const GgufTensor*> order;
  order.reserve(tensors.size());
  for (const auto& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < order.size(); ++i)
    if (order[i]->offset < order[i - 1]->offset + order[i - 1]->bytes.size())
      fail("gguf_layout",
           cat("tensor '", printable(order[i]->name), "' overlaps '", printable(order[i - 1]->name), "'"),
           cat(file, ": byte ", order[i]->offset));
}

}  // namespace

std::int64_t GgufTensor::elements() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

GgufFile GgufFile::open(const std::filesystem::path& path) {
  GgufFile result;
  result.file_ = MappedFile::open(path);
  const auto file = path.string();
  const auto bytes = result.file_.bytes();
  auto header = detail::parse_gguf_header(bytes, file);
  result.version_ = header.version;
  result.metadata_ = std::move(header.metadata);
  result.keys_by_name_ =
      sorted_by_name(result.metadata_.size(), [&](auto i) { return result.metadata_[i].key; }, "key", bytes, file);
  result.tensors_by_name_ =
      sorted_by_name(header.tensors.size(), [&](auto i) { return header.tensors[i].name; }, "tensor", bytes, file);
  result.alignment_ = checked_alignment(result.value("general.alignment"), file);
  place_tensors(header, bytes, result.alignment_, file);
  check_overlaps(header.tensors, file);
  result.tensors_ = std::move(header.tensors);
  return result;
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  const auto at = find_name(tensors_by_name_, name, [&](auto i) { return tensors_[i].name; });
  return at ? &tensors_[*at] : nullptr;
}

const GgufValue* GgufFile::value(std::string_view key) const {
  const auto at = find_name(keys_by_name_, key, [&](auto i) { return metadata_[i].key; });
  return at ? &metadata_[*at].value : nullptr;
}

std::string GgufFile::where(std::string_view key) const {
  const auto* found = value(key);
  const auto at = found == nullptr ? std::string() : cat(": byte ", found->offset());
  return cat(path().string(), at, ": key '", printable(key), "'");
}

namespace {

template <typename T>
std::optional<T> typed(const GgufFile& file, std::string_view key, std::optional<T> (GgufValue::*get)() const,
                       const char* expected) {
  const auto* value = file.value(key);
  if (value == nullptr) return std::nullopt;
  auto result = (value->*get)();
  if (!result) {
    const bool array = value->type() == GgufType::kArray;
    fail("gguf_metadata",
         cat("expected ", expected, ", found ", array ? "an array of " : "", gguf_type_name(value->element_type())),
         file.where(key));
  }
  return result;
}

}  // namespace

std::optional<std::int64_t> GgufFile::integer(std::string_view key) const {
  return typed(*this, key, &GgufValue::integer, "an integer below 2^63");
}

std::optional<double> GgufFile::number(std::string_view key) const {
  return typed(*this, key, &GgufValue::number, "a number");
}

std::optional<bool> GgufFile::flag(std::string_view key) const {
  return typed(*this, key, &GgufValue::flag, "a bool");
}

std::optional<std::string_view> GgufFile::text(std::string_view key) const {
  return typed(*this, key, &GgufValue::text, "a string");
}

std::optional<std::vector<std::string_view>> GgufFile::texts(std::string_view key) const {
  return typed(*this, key, &GgufValue::texts, "an array of strings");
}

std::optional<std::vector<std::int64_t>> GgufFile::integers(std::string_view key) const {
  const auto* found = value(key);
  if (found != nullptr && found->element_type() == GgufType::kBool)
    fail("gguf_metadata", "expected an array of integers, found an array of bool", where(key));
  return typed(*this, key, &GgufValue::integers, "an array of integers");
}

std::optional<std::vector<double>> GgufFile::numbers(std::string_view key) const {
  return typed(*this, key, &GgufValue::numbers, "an array of numbers");
}

}  // namespace frugal::io
