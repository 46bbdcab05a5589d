// From `model=...` to a decoder language model, and back to a folder.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/options.h"
#include "models/language/decoder.h"

namespace frugal {

struct LoadedLanguageModel {
  std::shared_ptr<Decoder> model;            // on the CPU, in the type asked for
  std::vector<std::filesystem::path> files;  // read: config.json, weights
};

bool is_language_model(std::string_view architecture);

// path: of a Hugging Face folder or a .gguf file; empty for random weights of the given config. config: replaces keys
// of config.json. type: fp32, fp64, bf16 or fp16, to which tensors are converted one by one as they are read.
// The architecture comes from `architecture`, or with "auto" from the checkpoint.
// Error(kBadData, "unknown_architecture") names it and those there are; errors of parse_llama_config, parse_opt_config
// and Weights.
LoadedLanguageModel load_language_model(const std::string& architecture, const std::filesystem::path& path,
                                        const Json& config, at::ScalarType type, uint64_t init_seed);

// A folder that transformers loads as the same model, in the type of its parameters (models/nn/checkpoint.h).
void save_language_model(const std::filesystem::path& folder, const Decoder& model,
                         int64_t shard_bytes = int64_t{5} << 30);

}  // namespace frugal
