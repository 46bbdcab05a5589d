// Reader of BERT's original vocabulary file: one entry a line, the line number is the id. Internal.
#pragma once

#include <filesystem>

#include "datasets/tokenizers/pipeline_tokenizer.h"
#include "datasets/tokenizers/special_tokens.h"

namespace frugal::tokenizers {

// Switches and special tokens come from config, BERT's usual ones where it is silent. An entry that appears twice keeps
// the later id, as Python's reader has it; a warning says so.
// Error(kBadData, "tokenizer_vocab") with where = "file:line" for bad UTF-8, too many or too long lines.
TokenizerParts read_vocab_txt(const std::filesystem::path& path, const TokenizerConfig& config);

}  // namespace frugal::tokenizers
