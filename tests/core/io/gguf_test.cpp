#include "core/io/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/io/gguf_dequantize.h"
#include "core/io/gguf_model.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

// Damaged files are tested through `frugal inspect` (tests/cli/bad_gguf.py), values and layouts against the gguf
// package (gguf_parity.py); here is what neither reaches.
namespace frugal::io {
namespace {

using ::testing::ElementsAre;

template <typename T>
std::string raw(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::string text(std::string_view value) {
  return raw(std::uint64_t{value.size()}) + std::string(value);
}

std::string entry(std::string_view key, GgufType type, const std::string& value) {
  return text(key) + raw(static_cast<std::uint32_t>(type)) + value;
}

std::string tensor(std::string_view name, const std::vector<std::uint64_t>& dims, GgmlType type, std::uint64_t offset) {
  std::string bytes = text(name) + raw(static_cast<std::uint32_t>(dims.size()));
  for (const auto dim : dims) bytes += raw(dim);
  return bytes + raw(static_cast<std::uint32_t>(type)) + raw(offset);
}

std::string gguf(const std::vector<std::string>& entries, const std::vector<std::string>& tensors,
                 const std::string& data) {
  std::string bytes =
      "GGUF" + raw(std::uint32_t{3}) + raw(std::uint64_t{tensors.size()}) + raw(std::uint64_t{entries.size()});
  for (const auto& part : entries) bytes += part;
  for (const auto& part : tensors) bytes += part;
  bytes.append((32 - bytes.size() % 32) % 32, '\0');
  return bytes + data;
}

std::string size_entry(std::string_view key, std::uint32_t value) {
  return entry(key, GgufType::kU32, raw(value));
}

// A llama of one layer and two query heads of four dimensions over one key head; q's row r holds the number r.
std::string model() {
  std::vector<std::string> entries = {entry("general.architecture", GgufType::kString, text("llama")),
                                      entry("llama.attention.layer_norm_rms_epsilon", GgufType::kF32, raw(1e-5f))};
  const std::pair<const char*, std::uint32_t> sizes[] = {
      {"block_count", 1},          {"context_length", 16},         {"embedding_length", 8}, {"feed_forward_length", 8},
      {"attention.head_count", 2}, {"attention.head_count_kv", 1}, {"vocab_size", 4}};
  for (const auto& [key, value] : sizes) entries.push_back(size_entry(cat("llama.", key), value));
  std::string data;
  for (int row = 0; row < 8; ++row)
    for (int column = 0; column < 8; ++column) data += raw(static_cast<float>(row));
  std::string bias;
  for (int row = 0; row < 8; ++row) bias += raw(static_cast<float>(10 * row));
  return gguf(entries,
              {tensor("blk.0.attn_q.weight", {8, 8}, GgmlType::kF32, 0),
               tensor("blk.0.attn_q.bias", {8}, GgmlType::kF32, data.size())},
              data + bias);
}

TEST(GgufTest, ValuesOfEveryType) {
  const test::TempFolder folder;
  const auto path = folder.write(
      "a.gguf", gguf({entry("u64", GgufType::kU64, raw(~std::uint64_t{0})),
                      entry("i8", GgufType::kI8, raw(std::int8_t{-7})), entry("f32", GgufType::kF32, raw(0.1f)),
                      entry("yes", GgufType::kBool, "\x01"), entry("text", GgufType::kString, text("caf\u00e9")),
                      entry("list", GgufType::kArray,
                            raw(static_cast<std::uint32_t>(GgufType::kI16)) + raw(std::uint64_t{3}) +
                                raw(std::int16_t{1}) + raw(std::int16_t{-2}) + raw(std::int16_t{3}))},
                     {}, ""));
  const auto file = GgufFile::open(path);
  EXPECT_EQ(file.value("u64")->integer(), std::nullopt) << "above 2^63 - 1";
  EXPECT_ERROR_AT(file.integer("u64"), ErrorKind::kBadData, "gguf_metadata", "byte 39");
  EXPECT_EQ(file.integer("i8"), -7);
  EXPECT_EQ(file.number("i8"), -7.0);
  EXPECT_EQ(file.number("f32"), static_cast<double>(0.1f));
  EXPECT_ERROR(file.integer("f32"), ErrorKind::kBadData, "gguf_metadata");
  EXPECT_EQ(file.flag("yes"), true);
  EXPECT_ERROR(file.integer("yes"), ErrorKind::kBadData, "gguf_metadata");
  EXPECT_EQ(file.text("text"), "caf\u00e9");
  EXPECT_EQ(file.text("none"), std::nullopt);
  EXPECT_THAT(*file.integers("list"), ElementsAre(1, -2, 3));
  EXPECT_THAT(*file.numbers("list"), ElementsAre(1.0, -2.0, 3.0));
  EXPECT_THAT(*file.value("list")->head(2).integers(), ElementsAre(1, -2));
  EXPECT_ERROR(file.texts("list"), ErrorKind::kBadData, "gguf_metadata");
  EXPECT_THAT(file.where("none"), ::testing::HasSubstr("key 'none'"));
}

// Every field is cut somewhere, and each cut is told with its byte.
TEST(GgufTest, CutAnywhere) {
  const test::TempFolder folder;
  const std::string list =
      raw(static_cast<std::uint32_t>(GgufType::kString)) + raw(std::uint64_t{2}) + text("a") + text("");
  const std::string whole =
      gguf({size_entry("general.alignment", 32), entry("f64", GgufType::kF64, raw(0.5)),
            entry("yes", GgufType::kBool, "\x01"), entry("list", GgufType::kArray, list)},
           {tensor("a", {2, 3}, GgmlType::kF32, 0), tensor("b", {32}, GgmlType::kQ8_0, 32)}, std::string(66, '\0'));
  EXPECT_EQ(GgufFile::open(folder.write("whole.gguf", whole)).tensors().size(), 2U);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    SCOPED_TRACE(cut);
    const auto path = folder.write("cut.gguf", std::string_view(whole).substr(0, cut));
    try {
      GgufFile::open(path);
      ADD_FAILURE() << "a file cut after " << cut << " bytes was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData) << error.what();
      EXPECT_THAT(error.code(), ::testing::AnyOf("gguf_magic", "gguf_truncated", "gguf_limit"));
      EXPECT_THAT(error.where(), ::testing::StartsWith(path.string() + ": byte "));
    }
  }
}

TEST(GgufTest, ArraysOfFlagsAreNoNumbers) {
  const test::TempFolder folder;
  const std::string flags =
      raw(static_cast<std::uint32_t>(GgufType::kBool)) + raw(std::uint64_t{2}) + "\x01" + std::string(1, '\0');
  const auto file = GgufFile::open(folder.write("a.gguf", gguf({entry("flags", GgufType::kArray, flags)}, {}, "")));
  EXPECT_ERROR_AT(file.integers("flags"), ErrorKind::kBadData, "gguf_metadata", "key 'flags'");
  EXPECT_ERROR_AT(file.numbers("flags"), ErrorKind::kBadData, "gguf_metadata", "key 'flags'");
}

TEST(GgufTest, RowsOfQueriesStandAsInTransformers) {
  const test::TempFolder folder;
  const auto opened = GgufModel::open(folder.write("m.gguf", model()));
  EXPECT_EQ(opened.config()["attention_bias"], true);
  const auto* weight = opened.find("model.layers.0.self_attn.q_proj.weight");
  ASSERT_NE(weight, nullptr);
  std::vector<float> all(64);
  opened.read(*weight, all);
  std::vector<float> first_column;
  for (std::size_t row = 0; row < 8; ++row) first_column.push_back(all[8 * row]);
  EXPECT_THAT(first_column, ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
  std::vector<float> some(16);
  opened.read_rows(*weight, 5, 2, some);
  EXPECT_EQ(some, std::vector<float>(all.begin() + 40, all.begin() + 56));
  std::vector<float> bias(8);
  opened.read(*opened.find("model.layers.0.self_attn.q_proj.bias"), bias);
  EXPECT_THAT(bias, ElementsAre(0, 20, 10, 30, 40, 60, 50, 70));
  EXPECT_ERROR(opened.read_rows(*weight, 7, 2, some), ErrorKind::kUsage, "gguf_sizes");
  EXPECT_ERROR(opened.read_rows(*weight, 0, 1, some), ErrorKind::kUsage, "gguf_sizes");
}

TEST(GgufTest, DequantizeChecksItsSpans) {
  const std::vector<std::byte> blocks(36);
  std::vector<float> out(64);
  dequantize(GgmlType::kQ4_0, blocks, out);
  EXPECT_ERROR(dequantize(GgmlType::kQ4_0, std::span(blocks).first(35), out), ErrorKind::kUsage, "gguf_sizes");
  EXPECT_ERROR(dequantize(GgmlType::kQ4_0, blocks, std::span(out).first(32)), ErrorKind::kUsage, "gguf_sizes");
  EXPECT_ERROR_AT(dequantize(GgmlType::kIQ2_XS, blocks, out, "tensor 'x'"), ErrorKind::kBadData,
                  "gguf_type_unsupported", "tensor 'x'");
  EXPECT_FALSE(can_dequantize(GgmlType::kQ2_K));
}

}  // namespace
}  // namespace frugal::io
