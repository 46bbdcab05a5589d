// From `model=...` to a text encoder.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/options.h"
#include "models/text_encoder.h"

namespace frugal {

struct LoadedTextEncoder {
  std::shared_ptr<TextEncoder> model;        // on the CPU, fp32
  std::vector<std::filesystem::path> files;  // read: config.json, weights
};

bool is_text_encoder(std::string_view architecture);

// folder: of a Hugging Face checkpoint; empty for random weights of the given config. config: replaces keys of
// config.json. labels: classes of the head, 0 for no head, null for the head that the checkpoint carries, if any. A
// head or pooler asked for and not in the checkpoint is new; with null nothing is, and the head of another task is
// Error(kBadData, "unsupported_head"). The architecture comes from `architecture`, or with "auto" from config.json's
// model_type; Error(kBadData, "unknown_architecture") names it and those there are.
LoadedTextEncoder load_text_encoder(const std::string& architecture, const std::filesystem::path& folder,
                                    const Json& config, std::optional<int64_t> labels, uint64_t init_seed);

}  // namespace frugal
