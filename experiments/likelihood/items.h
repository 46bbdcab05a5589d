// What is asked of a language model: how probable texts are, given contexts. Semantics of lm-evaluation-harness 0.4.13.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"

namespace frugal {

using TokenIds = std::vector<int64_t>;

// One context and what may follow it.
struct ScoringItem {
  TokenIds context;                     // at least one token
  std::vector<TokenIds> continuations;  // at least one, none empty
  std::size_t group = 0;  // items of one group are likely to begin alike (the few-shot prompt of a subject)
};

struct TokenPair {
  TokenIds context, continuation;
};

// Splits texts into ids as the harness does: trailing white space of the context goes to the continuation; both are
// encoded together and split at the length of the context by itself; an empty context is the BOS (or EOS) token.
class PairEncoder {
 public:
  // add_bos: empty as the tokenizer's template has it, else special tokens or none. The tokenizer must outlive this.
  PairEncoder(const tokenizers::Tokenizer& tokenizer, std::optional<bool> add_bos);

  TokenIds encode(std::string_view text) const;
  // context_ids: encode() of the context without its trailing white space, where the caller has it.
  // Error(kBadData, "empty_continuation") where nothing is left to score; Error(kBadData, "no_prefix_token") for an
  // empty context with a tokenizer that has neither BOS nor EOS.
  TokenPair encode_pair(std::string_view context, std::string_view continuation,
                        const TokenIds* context_ids = nullptr) const;

 private:
  TokenIds ids_of(std::string_view text, bool special_tokens) const;

  const tokenizers::Tokenizer& tokenizer_;
  std::optional<bool> add_bos_;
  std::string bos_;
};

// Keeps the last max_length + 1 tokens of both together: what a model with so many positions can score. Returns how
// many were cut. Error(kBadData, "continuation_too_long") where the continuation alone does not fit.
std::size_t truncate_left(TokenPair& pair, std::size_t max_length);

}  // namespace frugal
