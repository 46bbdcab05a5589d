// Reader of tokenizer.json, the serialization of Python's `tokenizers`. Internal: call load_tokenizer.
#pragma once

#include <filesystem>

#include "datasets/tokenizers/pipeline_tokenizer.h"

namespace frugal::tokenizers {

// Takes the normalizer, model, added tokens and post-processor from the file. Its truncation and padding settings are
// left aside, as transformers does: a call says how to cut and pad.
TokenizerParts read_tokenizer_json(const std::filesystem::path& path);

}  // namespace frugal::tokenizers
