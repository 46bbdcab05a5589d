// tokenizer_config.json and special_tokens_map.json: which token plays which role, and switches. Internal.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "datasets/tokenizers/added_tokens.h"

namespace frugal::tokenizers {

struct TokenizerConfig {
  std::map<std::string, AddedToken> roles;  // "cls_token" -> the token; only roles that the files name
  std::vector<AddedToken> added_tokens;     // added_tokens_decoder, by id
  std::optional<bool> do_lower_case, tokenize_chinese_chars, strip_accents;
  std::optional<bool> add_bos_token, add_eos_token, add_prefix_space;
};

// In the order in which transformers adds them.
inline constexpr std::array kRoles = {"bos_token", "eos_token", "unk_token", "sep_token",
                                      "pad_token", "cls_token", "mask_token"};

// Reads the files of a folder; absent ones are no error. tokenizer_config.json comes before special_tokens_map.json.
// Error(kBadData, "tokenizer_config").
TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder);

// The roles' ids; BERT's usual spelling ([CLS], ...) where the config is silent and the vocabulary has it.
SpecialTokens resolve_special_tokens(const TokenizerConfig& config, const Tokenizer& tokenizer);

}  // namespace frugal::tokenizers
