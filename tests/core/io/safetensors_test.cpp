#include "core/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "core/io/file.h"
#include "core/io/safetensors_writer.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::io {
namespace {

using test::TempFolder;

std::string length_prefix(std::uint64_t n) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &n, 8);
  return bytes;
}

// A file from its header text and its data.
std::string file_of(const std::string& header, const std::string& data = {}) {
  return length_prefix(header.size()) + header + data;
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return cat("\"", name, R"(":{"dtype":")", dtype, R"(","shape":)", shape, R"(,"data_offsets":)", offsets, "}");
}

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

struct BadFile {
  const char* name;
  std::string content;
  const char* code;
  const char* where;  // part of Error::where() beside the path
};

std::vector<BadFile> bad_files() {
  const std::string eight(8, 'x');
  const auto one = tensor("a", "F32", "[2]", "[0,8]");
  std::string deep = "{\"a\":";
  deep.append(100'000, '[');
  std::string many_dims = "[1";
  for (int i = 0; i < 16; ++i) many_dims += ",1";
  return {
      {"empty", "", "safetensors_truncated", ""},
      {"seven_bytes", "1234567", "safetensors_truncated", ""},
      {"length_0", length_prefix(0), "safetensors_header_length", "byte 0"},
      {"length_2_63", length_prefix(std::uint64_t{1} << 63) + "{}", "safetensors_header_length", "byte 0"},
      {"length_all_ones", length_prefix(~std::uint64_t{0}) + "{}", "safetensors_header_length", "byte 0"},
      {"length_over_the_file", length_prefix(1000) + "{}", "safetensors_truncated", "byte 10"},
      {"length_one_over", length_prefix(3) + "{}", "safetensors_truncated", "byte 10"},
      {"no_brace", file_of(" {}"), "safetensors_header", "byte 8"},
      {"a_list", file_of("[]"), "safetensors_header", "byte 8"},
      {"cut_json", file_of("{\"a\":"), "safetensors_header", "byte"},
      {"two_documents", file_of("{}{}"), "safetensors_header", "byte 10"},
      {"nan", file_of("{\"a\":NaN}"), "safetensors_header", "byte 13"},
      {"bad_utf8_name", file_of("{\"\xff\":{}}"), "safetensors_header", "byte 10"},
      {"overlong_utf8", file_of("{\"\xc0\xaf\":{}}"), "safetensors_header", "byte"},
      {"lone_surrogate", file_of(R"({"\ud800":{}})"), "safetensors_header", "byte"},
      {"nul_in_header", file_of(std::string("{\0}", 3)), "safetensors_header", "byte 9"},
      {"nested", file_of(deep), "safetensors_header", "tensor 'a'"},
      {"entry_null", file_of(R"({"a":null})"), "safetensors_header", "tensor 'a'"},
      {"entry_text", file_of(R"({"a":"x"})"), "safetensors_header", "tensor 'a'"},
      {"extra_key", file_of(R"({"a":{"dtype":"U8","x":1}})"), "safetensors_header", "tensor 'a'"},
      {"no_dtype", file_of(R"({"a":{"shape":[],"data_offsets":[0,1]}})", "x"), "safetensors_header", "tensor 'a'"},
      {"no_shape", file_of(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", "x"), "safetensors_header", "tensor 'a'"},
      {"no_offsets", file_of(R"({"a":{"dtype":"U8","shape":[]}})"), "safetensors_header", "tensor 'a'"},
      {"metadata_number", file_of(R"({"__metadata__":{"k":1}})"), "safetensors_header", "__metadata__"},
      {"metadata_nested", file_of(R"({"__metadata__":{"k":{}}})"), "safetensors_header", "__metadata__"},
      {"metadata_twice", file_of(R"({"__metadata__":{},"__metadata__":{}})"), "safetensors_duplicate", "__metadata__"},
      {"metadata_key_twice", file_of(R"({"__metadata__":{"k":"1","k":"2"}})"), "safetensors_duplicate", ""},
      {"tensor_twice", file_of("{" + one + "," + one + "}", eight), "safetensors_duplicate", "tensor 'a'"},
      {"dtype_twice", file_of(R"({"a":{"dtype":"U8","dtype":"U8"}})"), "safetensors_duplicate", "tensor 'a'"},
      {"unknown_dtype", file_of("{" + tensor("a", "F33", "[2]", "[0,8]") + "}", eight), "safetensors_dtype",
       "tensor 'a'"},
      {"lower_case_dtype", file_of("{" + tensor("a", "f32", "[2]", "[0,8]") + "}", eight), "safetensors_dtype",
       "tensor 'a'"},
      {"shape_overflow", file_of("{" + tensor("a", "F32", "[4294967296,4294967296,2]", "[0,8]") + "}", eight),
       "safetensors_shape", "tensor 'a'"},
      {"shape_overflow_to_0", file_of("{" + tensor("a", "F32", "[4611686018427387904,4]", "[0,0]") + "}"),
       "safetensors_shape", "tensor 'a'"},
      {"dimension_2_63", file_of("{" + tensor("a", "U8", "[9223372036854775808]", "[0,8]") + "}", eight),
       "safetensors_shape", "tensor 'a'"},
      {"dimension_2_64", file_of("{" + tensor("a", "U8", "[18446744073709551616]", "[0,8]") + "}", eight),
       "safetensors_header", "tensor 'a'"},
      {"half_a_byte", file_of("{" + tensor("a", "F4", "[3]", "[0,2]") + "}", "xx"), "safetensors_shape", "tensor 'a'"},
      {"negative_dimension", file_of("{" + tensor("a", "F32", "[-2]", "[0,8]") + "}", eight), "safetensors_header",
       "tensor 'a'"},
      {"fractional_dimension", file_of("{" + tensor("a", "F32", "[2.0]", "[0,8]") + "}", eight), "safetensors_header",
       "tensor 'a'"},
      {"too_many_dimensions", file_of("{" + tensor("a", "F32", many_dims + "]", "[0,4]") + "}", "xxxx"),
       "safetensors_limit", "tensor 'a'"},
      {"long_name", file_of("{\"" + std::string(2000, 'n') + "\":{}}"), "safetensors_limit", ""},
      {"negative_offset", file_of("{" + tensor("a", "F32", "[2]", "[-8,0]") + "}", eight), "safetensors_header",
       "tensor 'a'"},
      {"fractional_offset", file_of("{" + tensor("a", "F32", "[2]", "[0.5,8]") + "}", eight), "safetensors_header",
       "tensor 'a'"},
      {"exponent_offset", file_of("{" + tensor("a", "F32", "[2]", "[0,8e0]") + "}", eight), "safetensors_header",
       "tensor 'a'"},
      {"one_offset", file_of("{" + tensor("a", "F32", "[2]", "[0]") + "}", eight), "safetensors_header", "tensor 'a'"},
      {"three_offsets", file_of("{" + tensor("a", "F32", "[2]", "[0,8,8]") + "}", eight), "safetensors_header",
       "tensor 'a'"},
      {"offsets_swapped", file_of("{" + tensor("a", "F32", "[2]", "[8,0]") + "}", eight), "safetensors_offsets",
       "tensor 'a'"},
      {"offset_2_63",
       file_of("{" + tensor("a", "F32", "[2]", "[9223372036854775808,9223372036854775816]") + "}", eight),
       "safetensors_offsets", "tensor 'a'"},
      {"past_the_end", file_of("{" + tensor("a", "F32", "[4]", "[0,16]") + "}", eight), "safetensors_offsets",
       "tensor 'a'"},
      {"truncated_data", file_of("{" + one + "}", "xxxx"), "safetensors_offsets", "tensor 'a'"},
      {"size_mismatch", file_of("{" + tensor("a", "F32", "[3]", "[0,8]") + "}", eight), "safetensors_offsets",
       "tensor 'a'"},
      {"overlap", file_of("{" + one + "," + tensor("b", "F32", "[2]", "[4,12]") + "}", eight + "xxxx"),
       "safetensors_layout", "byte"},
      {"same_bytes", file_of("{" + one + "," + tensor("b", "F32", "[2]", "[0,8]") + "}", eight), "safetensors_layout",
       "byte"},
      {"hole", file_of("{" + one + "," + tensor("b", "F32", "[1]", "[12,16]") + "}", eight + eight),
       "safetensors_layout", "byte"},
      {"hole_at_start", file_of("{" + tensor("a", "F32", "[1]", "[4,8]") + "}", eight), "safetensors_layout", "byte"},
      {"trailing_bytes", file_of("{" + one + "}", eight + "y"), "safetensors_layout", "byte"},
      {"trailing_bytes_no_tensor", file_of("{}", "y"), "safetensors_layout", "byte 10"},
      {"empty_tensor_inside",
       file_of("{" + tensor("a", "F32", "[2]", "[0,8]") + "," + tensor("b", "F32", "[0]", "[4,4]") + "}", eight),
       "safetensors_layout", "byte"},
  };
}

TEST(Safetensors, BadFilesAreNamedErrors) {
  const TempFolder folder;
  for (const auto& bad : bad_files()) {
    SCOPED_TRACE(bad.name);
    const auto path = folder.write(cat(bad.name, ".safetensors"), bad.content);
    EXPECT_ERROR_AT(SafetensorsFile::open(path), ErrorKind::kBadData, bad.code, bad.where);
  }
}

TEST(Safetensors, MoreTensorsThanTheLimitIsAnError) {
  std::string header = "{";
  for (std::size_t i = 0; i <= SafetensorsLimits::kTensors; ++i)
    header += cat(i == 0 ? "" : ",", tensor(cat(i), "U8", "[0]", "[0,0]"));
  const TempFolder folder;
  const auto path = folder.write("many.safetensors", file_of(header + "}"));
  EXPECT_ERROR(SafetensorsFile::open(path), ErrorKind::kBadData, "safetensors_limit");
}

TEST(Safetensors, MissingFileAndFolderAreUsageErrors) {
  const TempFolder folder;
  EXPECT_ERROR(SafetensorsFile::open(folder.path() / "none"), ErrorKind::kUsage, "file_not_found");
  EXPECT_ERROR(SafetensorsFile::open(folder.path()), ErrorKind::kUsage, "file_not_found");
  EXPECT_ERROR(SafetensorsModel::open(folder.path()), ErrorKind::kUsage, "weights_not_found");
}

TEST(Safetensors, EveryPrefixOfAFileIsRefused) {
  const auto whole = file_of("{" + tensor("a", "F32", "[2]", "[0,8]") + "}", "12345678");
  const TempFolder folder;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto path = folder.write("cut.safetensors", std::string_view(whole).substr(0, n));
    EXPECT_THROW(SafetensorsFile::open(path), Error) << n << " bytes";
  }
}

TEST(Safetensors, ReadsWhatTheHeaderSays) {
  const TempFolder folder;
  const auto path = folder.write(
      "ok.safetensors",
      file_of("{" + tensor("b", "F32", "[1,2]", "[1,9]") + "," + tensor("a", "BOOL", "[]", "[0,1]") + "," +
                  tensor("empty", "F64", "[0,5]", "[9,9]") + "," + tensor("six", "F6_E2M3", "[4]", "[9,12]") +
                  R"(,"__metadata__":{"format":"pt","\u00e9":""}}   )",
              "112345678abc"));
  const auto file = SafetensorsFile::open(path);
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.tensors()[0].name, "a");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.metadata().at("é"), "");
  const auto* b = file.find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->dtype, DType::kF32);
  EXPECT_THAT(b->shape, testing::ElementsAre(1, 2));
  EXPECT_EQ(std::memcmp(b->bytes.data(), "12345678", 8), 0);
  EXPECT_EQ(file.find("empty")->elements(), 0);
  EXPECT_EQ(file.find("a")->elements(), 1);
  EXPECT_EQ(file.find("six")->bytes.size(), 3u);
  EXPECT_EQ(file.find("c"), nullptr);
}

TEST(Safetensors, NoTensorAtAllIsAFile) {
  const TempFolder folder;
  EXPECT_TRUE(SafetensorsFile::open(folder.write("none.safetensors", file_of("{}"))).tensors().empty());
}

TEST(Safetensors, DTypeNamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(DType::kU64); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_name(dtype_name(dtype)), dtype);
    EXPECT_GE(dtype_bits(dtype), 4u);
  }
  EXPECT_EQ(dtype_from_name("F31"), std::nullopt);
}

TEST(SafetensorsWriter, WritesWhatItReadsAndAlwaysTheSameBytes) {
  const std::string four = "abcd", eight = "12345678";
  const TempFolder folder;
  const auto path = folder.path() / "w.safetensors";
  std::vector<TensorToWrite> tensors = {{"z", DType::kU8, {4}, as_bytes(four)},
                                        {"a", DType::kU8, {2, 2}, as_bytes(four)},
                                        {"wide \"quoted\"", DType::kF64, {}, as_bytes(eight)},
                                        {"none", DType::kI64, {0}, {}}};
  write_safetensors(path, tensors, {{"format", "pt"}});
  const auto first = read_file(path);
  std::reverse(tensors.begin(), tensors.end());
  write_safetensors(path, tensors, {{"format", "pt"}});
  EXPECT_EQ(read_file(path), first);

  const auto file = SafetensorsFile::open(path);
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.find("wide \"quoted\"")->offset % 8, 0u);
  EXPECT_THAT(file.find("a")->shape, testing::ElementsAre(2, 2));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "a temporary file is left";
}

TEST(SafetensorsWriter, RefusesWhatTheFormatCannotHold) {
  const std::string four = "abcd";
  const TempFolder folder;
  const auto path = folder.path() / "w.safetensors";
  const auto write = [&](std::vector<TensorToWrite> tensors) { write_safetensors(path, std::move(tensors)); };
  const auto code = "safetensors_write";
  EXPECT_ERROR(write({{"a", DType::kF32, {2}, as_bytes(four)}}), ErrorKind::kUsage, code);
  EXPECT_ERROR(write({{"", DType::kF32, {1}, as_bytes(four)}}), ErrorKind::kUsage, code);
  EXPECT_ERROR(write({{"__metadata__", DType::kF32, {1}, as_bytes(four)}}), ErrorKind::kUsage, code);
  EXPECT_ERROR(write({{"\xff", DType::kF32, {1}, as_bytes(four)}}), ErrorKind::kUsage, code);
  EXPECT_ERROR(write({{"a", DType::kF32, {-1}, as_bytes(four)}}), ErrorKind::kUsage, code);
  EXPECT_ERROR(write({{"a", DType::kF32, {1}, as_bytes(four)}, {"a", DType::kU8, {4}, as_bytes(four)}}),
               ErrorKind::kUsage, code);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_ERROR(write_safetensors(folder.path() / "no" / "folder", {}), ErrorKind::kEnvironment, "write_failed");
}

class Sharded : public testing::Test {
 protected:
  void shard(const std::string& file, const std::string& name) {
    write_safetensors(folder_.path() / file, {{name, DType::kU8, {4}, as_bytes(data_)}});
  }
  void index(const std::string& text) { folder_.write("model.safetensors.index.json", text); }

  TempFolder folder_;
  std::string data_ = "abcd";
};

TEST_F(Sharded, FolderReadsAllShards) {
  shard("m-1.safetensors", "b");
  shard("m-2.safetensors", "a");
  index(R"({"metadata":{"total_size":8},"weight_map":{"b":"m-1.safetensors","a":"m-2.safetensors"}})");
  const auto model = SafetensorsModel::open(folder_.path());
  ASSERT_EQ(model.tensors().size(), 2u);
  EXPECT_EQ(model.tensors()[0]->name, "a");
  EXPECT_EQ(model.file_of(*model.find("b")).filename(), "m-1.safetensors");
  EXPECT_EQ(model.files().size(), 2u);
  EXPECT_EQ(model.find("c"), nullptr);
}

TEST_F(Sharded, IndexAndShardsMustAgree) {
  shard("m-1.safetensors", "b");
  shard("m-2.safetensors", "a");
  struct {
    const char* index;
    ErrorKind kind;
    const char* code;
  } const cases[] = {
      {R"({"weight_map":{"b":"m-1.safetensors","a":"m-1.safetensors"}})", ErrorKind::kBadData, "safetensors_shards"},
      {R"({"weight_map":{"b":"m-1.safetensors","c":"m-2.safetensors"}})", ErrorKind::kBadData, "safetensors_shards"},
      {R"({"weight_map":{"b":"m-1.safetensors","a":"m-2.safetensors","c":"m-2.safetensors"}})", ErrorKind::kBadData,
       "safetensors_shards"},
      {R"({"weight_map":{"b":"../m-1.safetensors"}})", ErrorKind::kBadData, "safetensors_index"},
      {R"({"weight_map":{"b":"/etc/passwd"}})", ErrorKind::kBadData, "safetensors_index"},
      {R"({"weight_map":{"b":1}})", ErrorKind::kBadData, "safetensors_index"},
      {R"({"weight_map":{"b":"x","b":"y"}})", ErrorKind::kBadData, "safetensors_index"},
      {R"({"weight_map":[]})", ErrorKind::kBadData, "safetensors_index"},
      {R"({"weight_map":{"b":["x"]}})", ErrorKind::kBadData, "safetensors_index"},
      {R"([])", ErrorKind::kBadData, "safetensors_index"},
      {R"({)", ErrorKind::kBadData, "safetensors_index"},
      {R"({"weight_map":{"b":"m-3.safetensors"}})", ErrorKind::kUsage, "file_not_found"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.index);
    index(c.index);
    EXPECT_ERROR(SafetensorsModel::open(folder_.path()), c.kind, c.code);
  }
}

TEST_F(Sharded, SingleFileComesFirst) {
  shard("model.safetensors", "a");
  EXPECT_EQ(SafetensorsModel::open(folder_.path()).tensors().size(), 1u);
  EXPECT_EQ(SafetensorsModel::open(folder_.path() / "model.safetensors").tensors().size(), 1u);
}

}  // namespace
}  // namespace frugal::io
