// The tokenizer in a GGUF file's metadata. Internal: call load_tokenizer.
#pragma once

#include <filesystem>

#include "datasets/tokenizers/pipeline_tokenizer.h"

namespace frugal::tokenizers {

struct GgufTokenizer {
  TokenizerParts parts;
  TokenizerConfig config;  // the special tokens' roles
};

// tokenizer.ggml.model "gpt2" (byte-level BPE; its pre-tokenizer by tokenizer.ggml.pre: gpt-2, smollm, llama-bpe,
// qwen2) or "llama" (SentencePiece's BPE: pieces with scores, single bytes for unknown characters). Control tokens
// (type 3) are special tokens, user-defined ones (4) added tokens. BOS and EOS stand around a text as add_bos_token and
// add_eos_token say; where they are silent, BOS for llama-bpe and llama, as in llama.cpp. Errors: those of
// io::GgufFile::open; kBadData `tokenizer_gguf`, `tokenizer_unsupported`, `tokenizer_vocab`, `tokenizer_merges`.
GgufTokenizer read_gguf_tokenizer(const std::filesystem::path& path);

}  // namespace frugal::tokenizers
