// Data made from a seed, for smoke tests: no file, no tokenizer, learnt by a tiny model in seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"

namespace frugal::datasets {

// "Does token A appear before token B?": sequences [CLS] w.. [SEP] in which A and B occur once each, at random places
// among filler tokens; label 1 when A comes first. A bag of words cannot tell, positions are needed. Balanced: labels
// alternate before the order is drawn, so counts differ by at most one.
struct TokenOrderOptions {
  std::size_t count = 256;
  std::size_t min_length = 6;   // of the whole sequence, >= 4
  std::size_t max_length = 16;  // >= min_length
  std::size_t vocabulary = 32;  // >= 8: 0 [PAD], 1 [UNK], 2 [CLS], 3 [SEP], 4 A, 5 B, 6.. fillers
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;  // 0 train, 1 dev, ...: other draws of the same seed
};

struct TokenDataset {
  std::vector<tokenizers::Encoding> encodings;
  std::vector<std::int64_t> labels;  // 0 or 1
  std::size_t vocabulary = 0;
  tokenizers::TokenId pad_id = 0;
};

// Error(kUsage, "synthetic_options") for values outside the ranges above.
TokenDataset make_token_order(const TokenOrderOptions& options);

}  // namespace frugal::datasets
