// Which architecture a model's folder names. Links no LibTorch.
#pragma once

#include <filesystem>
#include <string>

#include "core/config/options.h"

namespace frugal {

// <folder>/config.json. Error(kUsage, "file_not_found"), Error(kBadData, "bad_config").
Json read_model_config(const std::filesystem::path& folder);

// model_type (transformers), else _class_name (diffusers). Error(kBadData, "unknown_architecture") without either.
std::string architecture_in(const Json& config, const std::string& where);

// `model.architecture`, where "auto" asks config.json. Error(kUsage, "missing_value") for auto without a folder.
std::string architecture_of(const std::string& asked, const std::filesystem::path& folder);

}  // namespace frugal
