// Pairs of answers as token ids. Links no LibTorch.
#pragma once

#include <cstddef>
#include <vector>

#include "datasets/preferences.h"
#include "experiments/likelihood/items.h"

namespace frugal {

struct TokenizedPair {
  TokenIds prompt, chosen, rejected;
};

struct PairLimits {
  std::size_t max_length = 1024, max_prompt_length = 512;
};

// As TRL 0.8.6 tokenizes for DPO: BOS (where there is one) before the prompt, EOS behind an answer, no other special
// tokens. Where prompt and longer answer exceed max_length, the last max_prompt_length tokens of the prompt stay, and
// if that is not enough, the first max_length - max_prompt_length of each answer. Error(kBadData, "no_eos_token"),
// Error(kUsage, "bad_value") unless max_prompt_length < max_length.
std::vector<TokenizedPair> tokenize_pairs(const std::vector<datasets::PreferencePair>& pairs,
                                          const tokenizers::Tokenizer& tokenizer, const PairLimits& limits);

}  // namespace frugal
