// Writing models in the layout of Hugging Face folders, so that transformers and others load what we made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/config/options.h"
#include "models/nn/parameters.h"

namespace frugal {

// Writes config.json and model.safetensors into `folder` (made if need be), or, above `shard_bytes`, shards
// model-00001-of-0000N.safetensors with model.safetensors.index.json; `dtype` of the config becomes the type of the
// floating-point tensors. Each file appears whole or not at all, config.json as the last one; weights of another layout
// that were there are removed. files: JSON written beside them, by name. Error(kUsage, "bad_inputs") for a folder that
// is a file, Error(kEnvironment) when the disk refuses.
void save_checkpoint(const std::filesystem::path& folder, const std::vector<NamedTensor>& tensors, Json config,
                     int64_t shard_bytes = int64_t{5} << 30, const std::map<std::string, Json>& files = {});

}  // namespace frugal
