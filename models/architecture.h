// Which architecture a model's folder, or its .gguf file, names. Links no LibTorch.
#pragma once

#include <filesystem>
#include <string>

#include "core/config/options.h"

namespace frugal {

// <path>/config.json, or what it would hold for a .gguf file. Error(kUsage, "file_not_found"),
// Error(kBadData, "bad_config"), and those of io::GgufModel::open.
Json read_model_config(const std::filesystem::path& path);
// The file that it came from, for messages: <path>/config.json, or the .gguf file itself.
std::filesystem::path model_config_file(const std::filesystem::path& path);

// model_type (transformers), else _class_name (diffusers). Error(kBadData, "unknown_architecture") without either.
std::string architecture_in(const Json& config, const std::string& where);

// `model.architecture`, where "auto" asks config.json. Error(kUsage, "missing_value") for auto without a path.
std::string architecture_of(const std::string& asked, const std::filesystem::path& path);

}  // namespace frugal
