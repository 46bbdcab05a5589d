// A tokenizer put together from its parts: added tokens, a model, templates.
#pragma once

#include <memory>

#include "datasets/tokenizers/added_tokens.h"
#include "datasets/tokenizers/sequence_template.h"
#include "datasets/tokenizers/special_tokens.h"
#include "datasets/tokenizers/text_model.h"

namespace frugal::tokenizers {

struct TokenizerParts {
  std::unique_ptr<const TextModel> model;
  std::vector<AddedToken> added_tokens;
  SequenceTemplates templates;
};

class PipelineTokenizer final : public Tokenizer {
 public:
  // config names the special tokens' roles; where: the file, for errors of the added tokens.
  PipelineTokenizer(TokenizerParts parts, const TokenizerConfig& config, const std::string& where);

  using Tokenizer::encode;
  Encoding encode(std::string_view text, std::optional<std::string_view> pair,
                  const EncodeOptions& options) const override;
  std::string decode(std::span<const TokenId> ids, bool skip_special_tokens) const override;
  const SpecialTokens& special_tokens() const override { return special_; }
  std::optional<TokenId> token_to_id(std::string_view token) const override;
  std::optional<std::string> id_to_token(TokenId id) const override;
  std::size_t vocabulary_size() const override;
  std::string_view algorithm() const override { return model_->algorithm(); }

 private:
  std::vector<TokenId> text_ids(std::string_view text) const;

  std::unique_ptr<const TextModel> model_;
  AddedTokens added_;
  SequenceTemplates templates_;
  SpecialTokens special_;
};

}  // namespace frugal::tokenizers
