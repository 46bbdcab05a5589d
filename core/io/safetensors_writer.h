// Writer of safetensors files: same input, same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/io/safetensors.h"

namespace frugal::io {

// A tensor to write; its bytes are borrowed, little-endian, row-major.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// Writes beside the target, syncs, renames, syncs the folder: the file appears whole or not at all.
// Order as the reference writes it (wider types first, then by name), so every tensor is aligned to its element; the
// header is padded with spaces to 8 bytes. The format has one metadata map, text to text ({"format": "pt"} by custom).
// Errors: kUsage `safetensors_write` for a duplicate or empty name, a reserved name, or bytes that do not fit dtype and
// shape; kEnvironment `write_failed` when the disk refuses (nothing is left behind).
void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace frugal::io
