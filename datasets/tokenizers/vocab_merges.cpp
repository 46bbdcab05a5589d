#include "datasets/tokenizers/vocab_merges.h"

#include "core/error.h"
#include "core/io/mapped_file.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/bpe.h"
#include "datasets/tokenizers/json_file.h"
#include "datasets/tokenizers/json_node.h"
#include "datasets/tokenizers/merge_texts.h"

namespace frugal::tokenizers {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 64u << 20;
constexpr std::size_t kMaxMerges = 2'000'000;

Vocabulary read_vocabulary(const fs::path& path) {
  const auto file = path.string();
  VocabularyEntries entries;
  const auto tree = read_json(path, kMaxFileBytes, "tokenizer_json");
  for (const auto& [token, id] : tree.items()) entries.emplace_back(token, JsonNode(id, "$", file).id());
  return Vocabulary(entries, file);
}

std::vector<Merge> read_merges(const fs::path& path, const Vocabulary& vocabulary) {
  const auto file = io::MappedFile::open(path);
  const std::string_view text{reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
  const auto fail = [&](std::size_t line, const std::string& message) {
    throw Error(ErrorKind::kBadData, "tokenizer_merges", message, cat(path.string(), ":", line));
  };
  if (text.size() > kMaxFileBytes) fail(1, cat("the file has ", text.size(), " bytes; the limit is ", kMaxFileBytes));
  MergeTexts merges;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    if (merges.size() == kMaxMerges) fail(number, cat("more than ", kMaxMerges, " merges"));
    if (!merges.add(line)) fail(number, "expected two tokens with a space between them");
  }
  return resolve_merges(vocabulary, merges, path.string());
}

const AddedToken& role_of(const TokenizerConfig& config, const char* role) {
  static const AddedToken usual{.content = "<|endoftext|>", .special = true};
  const auto found = config.roles.find(role);
  return found == config.roles.end() ? usual : found->second;
}

}  // namespace

TokenizerParts read_vocab_merges(const fs::path& vocab, const TokenizerConfig& config) {
  const auto merges_path = vocab.parent_path() / "merges.txt";
  if (!fs::exists(merges_path))
    throw Error(ErrorKind::kUsage, "tokenizer_not_found", "there is no merges.txt beside vocab.json",
                vocab.parent_path().string());
  auto vocabulary = read_vocabulary(vocab);
  const auto merges = read_merges(merges_path, vocabulary);
  BpeOptions options{.byte_level = true};
  if (config.add_prefix_space.value_or(false))
    options.pre_tokenizer.push_back({.kind = PreTokenizerStep::Kind::kPrefixSpace});
  options.pre_tokenizer.push_back({.kind = PreTokenizerStep::Kind::kPattern, .pattern = WordPattern::kGpt2});
  options.decoder = {{.kind = DecoderStep::Kind::kByteLevel}};

  TokenizerParts parts;
  parts.model = std::make_unique<BytePairEncoding>(std::move(vocabulary), merges, std::move(options), vocab.string());
  parts.added_tokens = config.added_tokens;
  std::vector<AddedToken> special;
  for (const char* role : {"bos_token", "eos_token", "unk_token"}) special.push_back(role_of(config, role));
  for (const char* role : {"sep_token", "pad_token", "cls_token", "mask_token"})
    if (config.roles.contains(role)) special.push_back(role_of(config, role));
  for (const auto& token : special) {
    const bool known = std::any_of(parts.added_tokens.begin(), parts.added_tokens.end(),
                                   [&](const AddedToken& other) { return other.content == token.content; });
    if (!known) parts.added_tokens.push_back(token);
  }
  const auto frame = [&](const char* role, const std::optional<bool>& wanted) -> std::vector<TokenId> {
    if (!wanted.value_or(false)) return {};
    const auto id = parts.model->token_to_id(role_of(config, role).content);
    if (!id)
      throw Error(ErrorKind::kBadData, "tokenizer_vocab",
                  cat("the token '", io::printable(role_of(config, role).content), "' is not in the vocabulary"),
                  vocab.string());
    return {*id};
  };
  parts.templates =
      framed_templates(frame("bos_token", config.add_bos_token), frame("eos_token", config.add_eos_token));
  return parts;
}

}  // namespace frugal::tokenizers
