// Documents as one stream of tokens, cut into sequences of one length. Links no LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/documents.h"
#include "datasets/tokenizers/tokenizer.h"

namespace frugal {

struct PackedText {
  std::vector<int32_t> ids;  // sequences() * seq_len
  std::size_t seq_len = 0;
  std::size_t stream = 0;  // tokens before the remainder was dropped
  std::string sha256;      // of ids, little-endian
  std::size_t sequences() const { return seq_len == 0 ? 0 : ids.size() / seq_len; }
};

struct PackOptions {
  std::size_t seq_len = 2048;
  bool special_tokens = true;
  int threads = 1;
};

// Every document with EOS behind it, joined in order and cut; what does not fill a sequence is dropped. Attention runs
// across documents, as in TRL's ConstantLengthDataset, which X-EcoMLA trained with (it drops a remainder in each of its
// buffers, and so a little more). Error(kBadData, "no_eos_token").
PackedText pack_documents(const std::vector<datasets::Document>& documents, const tokenizers::Tokenizer& tokenizer,
                          const PackOptions& options);

}  // namespace frugal
