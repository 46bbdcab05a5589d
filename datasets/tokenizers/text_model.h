// The part of a tokenizer that differs between algorithms. Special tokens, templates, truncation and padding are the
// same for all and live in PipelineTokenizer, so byte-level BPE or SentencePiece joins by implementing this.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"

namespace frugal::tokenizers {

class TextModel {
 public:
  virtual ~TextModel() = default;
  // Clean-up of raw text before words are looked for; its result is UTF-8 whatever came in.
  virtual std::string normalize(std::string_view text) const = 0;
  // Appends the ids of text that normalize() made. at_start: nothing stands before it in the input.
  virtual void tokenize(std::string_view normalized, bool at_start, std::vector<TokenId>& ids) const = 0;
  virtual std::optional<TokenId> token_to_id(std::string_view token) const = 0;
  virtual std::optional<std::string_view> id_to_token(TokenId id) const = 0;
  // Number of entries, and the highest id + 1: they differ when ids have gaps.
  virtual std::size_t entries() const = 0;
  virtual std::size_t id_end() const = 0;
  // Tokens back to text.
  virtual std::string join(const std::vector<std::string>& tokens) const = 0;
  // "WordPiece", "byte-level BPE", ...
  virtual std::string_view algorithm() const = 0;
};

}  // namespace frugal::tokenizers
