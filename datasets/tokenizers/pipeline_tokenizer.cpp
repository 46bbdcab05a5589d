#include "datasets/tokenizers/pipeline_tokenizer.h"

#include <algorithm>

#include "core/error.h"

namespace frugal::tokenizers {

PipelineTokenizer::PipelineTokenizer(TokenizerParts parts, const TokenizerConfig& config, const std::string& where)
    : model_(std::move(parts.model)),
      added_(parts.added_tokens, *model_, where),
      templates_(std::move(parts.templates)),
      special_(resolve_special_tokens(config, *this)) {}

std::vector<TokenId> PipelineTokenizer::text_ids(std::string_view text) const {
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 4 + 4);
  bool at_start = true;
  for (const auto& raw : added_.split_raw(text)) {
    if (raw.id) {
      ids.push_back(*raw.id);
      at_start = false;
      continue;
    }
    const auto normalized = model_->normalize(raw.text);
    for (const auto& piece : added_.split_normalized(normalized)) {
      if (piece.id) {
        ids.push_back(*piece.id);
      } else {
        model_->tokenize(piece.text, at_start, ids);
      }
      at_start = false;
    }
  }
  return ids;
}

Encoding PipelineTokenizer::encode(std::string_view text, std::optional<std::string_view> pair,
                                   const EncodeOptions& options) const {
  auto first = text_ids(text);
  auto second = pair ? text_ids(*pair) : std::vector<TokenId>();
  const auto& pieces = pair ? templates_.pair : templates_.single;
  if (options.max_length && options.truncation != Truncation::kNone) {
    const auto special = options.add_special_tokens ? count_special(pieces) : 0;
    if (*options.max_length < special)
      throw Error(ErrorKind::kUsage, "truncation_impossible",
                  cat("max_length ", *options.max_length, " has no room for ", special, " special tokens"));
    truncate(first, pair ? &second : nullptr, *options.max_length - special, options.truncation);
  }
  return apply_template(pieces, first, second, options.add_special_tokens);
}

std::string PipelineTokenizer::decode(std::span<const TokenId> ids, bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  for (const auto id : ids) {
    if (const auto* added = added_.find(id)) {
      if (!(skip_special_tokens && added->special)) tokens.push_back(added_.display(id));
    } else if (const auto token = model_->id_to_token(id)) {
      tokens.emplace_back(*token);
    } else {
      throw Error(ErrorKind::kUsage, "token_id_out_of_range", cat("the vocabulary has no token with the id ", id));
    }
  }
  return model_->join(tokens);
}

std::optional<TokenId> PipelineTokenizer::token_to_id(std::string_view token) const {
  const auto added = added_.token_to_id(token);
  return added ? added : model_->token_to_id(token);
}

std::optional<std::string> PipelineTokenizer::id_to_token(TokenId id) const {
  if (const auto* added = added_.find(id)) return added->content;
  const auto token = model_->id_to_token(id);
  return token ? std::optional<std::string>(*token) : std::nullopt;
}

std::size_t PipelineTokenizer::vocabulary_size() const {
  return std::max(model_->id_end(), added_.id_end());
}

}  // namespace frugal::tokenizers
