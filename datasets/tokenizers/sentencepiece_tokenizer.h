// SentencePiece models (tokenizer.model of Llama 2 and others), run by libsentencepiece. Internal: call load_tokenizer.
#pragma once

#include <filesystem>

#include "datasets/tokenizers/pipeline_tokenizer.h"

namespace frugal::tokenizers {

// Control pieces and the unknown piece are special tokens. BOS stands before a text and EOS after it as add_bos_token
// (by default true where the model has a BOS) and add_eos_token (false) of tokenizer_config.json say, as in
// transformers. The roles that config lacks come from the model: they are added to it. Error(kBadData,
// "tokenizer_sentencepiece").
TokenizerParts read_sentencepiece(const std::filesystem::path& path, TokenizerConfig& config);

}  // namespace frugal::tokenizers
