// Tensor files: round trips, replacing whole files only, and strangers' damaged ones.
#include "core/results/tensor_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "core/error.h"
#include "core/io/file.h"
#include "core/results/sandbox.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::results {
namespace {

namespace fs = std::filesystem;

template <typename T>
HostTensor tensor(const std::string& name, DType dtype, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  HostTensor made{.name = name, .dtype = dtype, .shape = std::move(shape), .bytes = {}};
  made.bytes.resize(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(made.bytes.data(), values.data(), made.bytes.size());
  return made;
}

std::vector<HostTensor> some_tensors() {
  return {tensor<std::int64_t>("ids", DType::kInt64, {2, 3}, {1, -2, 3, 4, 5, std::int64_t{1} << 60}),
          tensor<std::int64_t>("none", DType::kInt64, {0, 4}, {}), tensor<double>("wide", DType::kFloat64, {}, {0.1}),
          tensor<float>("x", DType::kFloat32, {2, 1, 2}, {1.5F, -0.0F, 3e38F, 1e-45F})};
}

class TensorFile : public testing::Test {
 protected:
  TensorFile() { set_reader_program(fs::path(FRUGAL_BINARY_DIR) / "frugal"); }
  ~TensorFile() override { set_reader_program({}); }
  fs::path file() const { return folder_.path() / "t.h5"; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  test::TempFolder folder_;
};

TEST_F(TensorFile, RoundTrip) {
  write_tensor_file(file(), some_tensors(), "seed: 1");
  check_tensor_file(file());
  const auto read = read_tensor_file(file());
  const auto want = some_tensors();
  ASSERT_EQ(read.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(read[i].name, want[i].name);
    EXPECT_EQ(read[i].dtype, want[i].dtype) << want[i].name;
    EXPECT_EQ(read[i].shape, want[i].shape) << want[i].name;
    EXPECT_EQ(read[i].bytes, want[i].bytes) << want[i].name;
  }
}

TEST_F(TensorFile, AFailedWriteLeavesTheFormerFileAndNoOther) {
  io::write_atomic(file(), "former");
  auto twice = some_tensors();
  twice.push_back(twice.front());  // HDF5 refuses a second data set of that name
  EXPECT_ERROR(write_tensor_file(file(), twice, ""), ErrorKind::kEnvironment, "hdf5_failed");
  EXPECT_EQ(io::read_file(file()), "former");
  EXPECT_EQ(files(), 1u);
  write_tensor_file(file(), some_tensors(), "");
  EXPECT_EQ(read_tensor_file(file()).size(), 4u);
  EXPECT_EQ(files(), 1u);
}

TEST_F(TensorFile, WhatIsNoTensorFileIsSaid) {
  EXPECT_ERROR(check_tensor_file(folder_.path() / "absent.h5"), ErrorKind::kUsage, "missing_file");
  EXPECT_ERROR(check_tensor_file(folder_.path()), ErrorKind::kUsage, "missing_file");
  io::write_atomic(file(), "no HDF5");
  EXPECT_ERROR_AT(check_tensor_file(file()), ErrorKind::kBadData, "damaged_hdf5", "t.h5");
}

// A flipped byte gives other values, or bad data: never a crash of the caller.
TEST_F(TensorFile, FlippedBytesNeverCrashTheReader) {
  write_tensor_file(file(), some_tensors(), "seed: 1");
  const std::string good = io::read_file(file());
  std::mt19937 random(5);
  int refused = 0;
  for (int i = 0; i < 120; ++i) {
    std::string bad = good;
    for (int flips = 0; flips < 1 + i % 4; ++flips) bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
    io::write_atomic(file(), bad, io::Durability::kNoSync);
    try {
      check_tensor_file(file());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 5);
}

}  // namespace
}  // namespace frugal::results
