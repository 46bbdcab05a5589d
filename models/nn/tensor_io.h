// Tensors to and from safetensors files.
#pragma once

#include <filesystem>
#include <vector>

#include "models/nn/parameters.h"

namespace frugal {

// Writes copies of the tensors (any device; fp32, fp64, fp16, bf16, int32, int64, bool, uint8) under their names.
void save_tensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors);
// In the order of `names`; Error(kBadData, "missing_tensor"). Types stay as stored.
std::vector<NamedTensor> load_tensors(const std::filesystem::path& path, const std::vector<std::string>& names);

}  // namespace frugal
