// Reader of GPT-2's original files: vocab.json (token to id) and merges.txt (a pair a line). Internal.
#pragma once

#include <filesystem>

#include "datasets/tokenizers/pipeline_tokenizer.h"
#include "datasets/tokenizers/special_tokens.h"

namespace frugal::tokenizers {

// vocab: vocab.json; merges.txt lies beside it. Special tokens and the switches add_prefix_space, add_bos_token and
// add_eos_token (all false) come from config, GPT-2's <|endoftext|> for BOS, EOS and unknown where it is silent, as in
// transformers' GPT2Tokenizer, which OPT uses as well.
// Errors: kUsage `tokenizer_not_found` without merges.txt; kBadData `tokenizer_json`, `tokenizer_vocab`,
// `tokenizer_merges`.
TokenizerParts read_vocab_merges(const std::filesystem::path& vocab, const TokenizerConfig& config);

}  // namespace frugal::tokenizers
