// frugal inspect of a GGUF file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace frugal::cli {

struct TensorRow {
  std::string name;
  std::string_view type;
  std::uint64_t bytes;
  std::vector<std::int64_t> shape;
};

// Prints the table of tensors that every format shares.
using TensorTable = std::function<void(const std::vector<TensorRow>&)>;

void inspect_gguf(const std::filesystem::path& path, bool json, const TensorTable& table);

}  // namespace frugal::cli
