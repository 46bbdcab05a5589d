#include "datasets/tokenizers/special_tokens.h"

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/json_file.h"

namespace frugal::tokenizers {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kCode = "tokenizer_config";
constexpr std::size_t kMaxFileBytes = 16u << 20;

[[noreturn]] void fail(const fs::path& path, const std::string& message) {
  throw Error(ErrorKind::kBadData, kCode, message, path.string());
}

bool flag(const Json& object, const char* key, const fs::path& path) {
  const auto at = object.find(key);
  if (at == object.end()) return false;
  if (!at->is_boolean()) fail(path, cat("'", key, "': expected true or false"));
  return at->get<bool>();
}

// "[CLS]" or {"content": "[CLS]", "lstrip": ...}.
AddedToken read_token(const Json& value, const char* key, const fs::path& path) {
  if (value.is_string()) return {.content = value.get<std::string>(), .special = true};
  if (!value.is_object() || !value.contains("content") || !value["content"].is_string())
    fail(path, cat("'", key, "': expected a text or an object with the text 'content'"));
  return {.content = value["content"].get<std::string>(),
          .single_word = flag(value, "single_word", path),
          .lstrip = flag(value, "lstrip", path),
          .rstrip = flag(value, "rstrip", path),
          .normalized = flag(value, "normalized", path),
          .special = true};
}

void read_roles(const Json& object, const fs::path& path, TokenizerConfig& config) {
  for (const char* role : kRoles)
    if (object.contains(role) && !object[role].is_null() && !config.roles.contains(role))
      config.roles[role] = read_token(object[role], role, path);
}

std::optional<bool> read_switch(const Json& object, const char* key, const fs::path& path) {
  if (!object.contains(key) || object[key].is_null()) return std::nullopt;
  return flag(object, key, path);
}

void read_added_tokens(const Json& object, const fs::path& path, TokenizerConfig& config) {
  if (!object.contains("added_tokens_decoder")) return;
  const auto& decoder = object["added_tokens_decoder"];
  if (!decoder.is_object()) fail(path, "'added_tokens_decoder': expected an object");
  std::map<std::int64_t, AddedToken> by_id;  // keys are ids as text: their order as numbers decides new ids
  for (const auto& [id, token] : decoder.items()) {
    if (id.empty() || id.size() > 8 || id.find_first_not_of("0123456789") != std::string::npos)
      fail(path, cat("'added_tokens_decoder': '", io::printable(id, 32), "' is no token id"));
    auto& entry = by_id[std::stoll(id)] = read_token(token, "added_tokens_decoder", path);
    entry.special = token.is_string() || flag(token, "special", path);
  }
  for (auto& [id, token] : by_id) config.added_tokens.push_back(std::move(token));
}

}  // namespace

TokenizerConfig read_tokenizer_config(const fs::path& folder) {
  TokenizerConfig config;
  if (const auto path = folder / "tokenizer_config.json"; fs::exists(path)) {
    const auto tree = read_json(path, kMaxFileBytes, kCode);
    read_roles(tree, path, config);
    read_added_tokens(tree, path, config);
    config.do_lower_case = read_switch(tree, "do_lower_case", path);
    config.tokenize_chinese_chars = read_switch(tree, "tokenize_chinese_chars", path);
    config.strip_accents = read_switch(tree, "strip_accents", path);
    config.add_bos_token = read_switch(tree, "add_bos_token", path);
    config.add_eos_token = read_switch(tree, "add_eos_token", path);
    config.add_prefix_space = read_switch(tree, "add_prefix_space", path);
  }
  if (const auto path = folder / "special_tokens_map.json"; fs::exists(path))
    read_roles(read_json(path, kMaxFileBytes, kCode), path, config);
  return config;
}

SpecialTokens resolve_special_tokens(const TokenizerConfig& config, const Tokenizer& tokenizer) {
  const auto id_of = [&](const char* role, const char* usual) -> std::optional<TokenId> {
    const auto named = config.roles.find(role);
    return tokenizer.token_to_id(named == config.roles.end() ? usual : named->second.content);
  };
  const auto named_only = [&](const char* role) -> std::optional<TokenId> {
    const auto named = config.roles.find(role);
    return named == config.roles.end() ? std::nullopt : tokenizer.token_to_id(named->second.content);
  };
  return {.unk = id_of("unk_token", "[UNK]"),
          .pad = id_of("pad_token", "[PAD]"),
          .cls = id_of("cls_token", "[CLS]"),
          .sep = id_of("sep_token", "[SEP]"),
          .mask = id_of("mask_token", "[MASK]"),
          .bos = named_only("bos_token"),
          .eos = named_only("eos_token")};
}

}  // namespace frugal::tokenizers
