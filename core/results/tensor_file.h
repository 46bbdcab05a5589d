// Named tensors in the root group of an HDF5 file: what `frugal forward` takes and gives. Links no LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/results/types.h"

namespace frugal::results {

struct HostTensor {
  std::string name = {};
  DType dtype = DType::kFloat32;
  std::vector<std::int64_t> shape = {};
  std::vector<std::byte> bytes = {};  // row-major, exactly the elements

  template <typename T>
  std::span<const T> as() const {  // T: the C++ type of dtype
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// All data sets of the file by name. Integers of any width and booleans come as int64, floats of at most 32 bits as
// float32, doubles as float64. What lies outside of the file (external links and storage, virtual data sets) is
// refused, not followed. Error(bad_data): "damaged_hdf5", "unsupported_link", "unsupported_dtype".
std::vector<HostTensor> read_tensor_file(const std::filesystem::path& path);

// The same reading in a child process under limits of memory and time, results thrown away: after it a file that
// crashes, hangs or blows up the HDF5 library is known as Error(bad_data, "damaged_hdf5"). Error(usage,
// "missing_file").
void check_tensor_file(const std::filesystem::path& path);
// The hidden verb of `frugal` that is the child: `frugal __check-tensors FILE`.
constexpr std::string_view kCheckTensorsVerb = "__check-tensors";
int check_tensors_child(std::span<const std::string> args);

// Writes the tensors; the file appears under its name only when whole, in place of a former one. config: YAML text
// that says what made them, stored as an attribute of the root.
void write_tensor_file(const std::filesystem::path& path, const std::vector<HostTensor>& tensors,
                       std::string_view config);

}  // namespace frugal::results
