// From `model=...` to a text encoder.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "core/config/options.h"
#include "models/text_encoder.h"

namespace frugal {

struct LoadedTextEncoder {
  std::shared_ptr<TextEncoder> model;        // on the CPU, fp32
  std::vector<std::filesystem::path> files;  // read: config.json, weights
};

// folder: of a Hugging Face checkpoint; empty for random weights of the given config. config: replaces keys of
// config.json. labels: 0 for no head. The architecture comes from `architecture`, or with "auto" from config.json's
// model_type; Error(kBadData, "unknown_architecture") names it and those there are.
LoadedTextEncoder load_text_encoder(const std::string& architecture, const std::filesystem::path& folder,
                                    const Json& config, int64_t labels, uint64_t init_seed);

}  // namespace frugal
