#include <array>
#include <cstring>

#include "core/io/gguf.h"

namespace frugal::io {

namespace {

constexpr std::array<std::string_view, 13> kNames = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                     "bool", "string", "array", "u64", "i64", "f64"};

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// Number `index` of values of this type; empty when the type is no integer, or the number is above 2^63 - 1.
std::optional<std::int64_t> integer_at(GgufType type, const std::byte* data, std::uint64_t index) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kBool:
      return load<std::uint8_t>(data + index);
    case GgufType::kI8:
      return load<std::int8_t>(data + index);
    case GgufType::kU16:
      return load<std::uint16_t>(data + 2 * index);
    case GgufType::kI16:
      return load<std::int16_t>(data + 2 * index);
    case GgufType::kU32:
      return load<std::uint32_t>(data + 4 * index);
    case GgufType::kI32:
      return load<std::int32_t>(data + 4 * index);
    case GgufType::kI64:
      return load<std::int64_t>(data + 8 * index);
    case GgufType::kU64: {
      const auto value = load<std::uint64_t>(data + 8 * index);
      return value > std::uint64_t{INT64_MAX} ? std::nullopt : std::optional(static_cast<std::int64_t>(value));
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> number_at(GgufType type, const std::byte* data, std::uint64_t index) {
  if (type == GgufType::kF32) return load<float>(data + 4 * index);
  if (type == GgufType::kF64) return load<double>(data + 8 * index);
  if (type == GgufType::kBool) return std::nullopt;
  const auto whole = integer_at(type, data, index);
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

// All values of an array; empty when one of them is.
template <typename T, typename At>
std::optional<std::vector<T>> all(std::uint64_t count, const At& at) {
  std::vector<T> values;
  values.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto value = at(i);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

}  // namespace

std::string_view gguf_type_name(GgufType type) {
  return kNames[static_cast<std::size_t>(type)];
}

std::optional<std::int64_t> GgufValue::integer() const {
  return is_array() || type_ == GgufType::kBool ? std::nullopt : integer_at(type_, data_.data(), 0);
}

std::optional<double> GgufValue::number() const {
  return is_array() ? std::nullopt : number_at(type_, data_.data(), 0);
}

std::optional<bool> GgufValue::flag() const {
  if (type_ != GgufType::kBool) return std::nullopt;
  return std::to_integer<unsigned>(data_[0]) != 0;
}

std::optional<std::string_view> GgufValue::text() const {
  if (type_ != GgufType::kString) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(data_.data()) + 8, data_.size() - 8);
}

std::optional<std::vector<std::string_view>> GgufValue::texts() const {
  if (!is_array() || element_ != GgufType::kString) return std::nullopt;
  std::vector<std::string_view> values;
  values.reserve(count_);
  const auto* at = data_.data();
  for (std::uint64_t i = 0; i < count_; ++i) {
    const auto length = load<std::uint64_t>(at);
    values.emplace_back(reinterpret_cast<const char*>(at) + 8, length);
    at += 8 + length;
  }
  return values;
}

std::optional<std::vector<std::int64_t>> GgufValue::integers() const {
  if (!is_array()) return std::nullopt;
  return all<std::int64_t>(count_, [&](auto i) { return integer_at(element_, data_.data(), i); });
}

std::optional<std::vector<double>> GgufValue::numbers() const {
  if (!is_array()) return std::nullopt;
  return all<double>(count_, [&](auto i) { return number_at(element_, data_.data(), i); });
}

}  // namespace frugal::io
