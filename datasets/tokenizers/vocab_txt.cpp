#include "datasets/tokenizers/vocab_txt.h"

#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "core/io/mapped_file.h"
#include "core/io/utf8.h"
#include "core/log.h"
#include "datasets/tokenizers/wordpiece.h"

namespace frugal::tokenizers {

namespace {

constexpr std::size_t kMaxLines = 2'000'000;

std::vector<std::pair<std::string, TokenId>> read_lines(const std::filesystem::path& path) {
  const auto file = io::MappedFile::open(path);
  const std::string_view text{reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
  std::vector<std::pair<std::string, TokenId>> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto fail = [&](const std::string& message) {
      throw Error(ErrorKind::kBadData, "tokenizer_vocab", message, cat(path.string(), ":", lines.size() + 1));
    };
    if (lines.size() == kMaxLines) fail(cat("more than ", kMaxLines, " lines"));
    if (line.size() > kMaxTokenBytes) fail(cat("an entry of ", line.size(), " bytes"));
    if (io::first_invalid_utf8(line)) fail("the entry is no UTF-8");
    lines.emplace_back(line, static_cast<TokenId>(lines.size()));
    at = end + 1;
  }
  return lines;
}

std::string content_or(const TokenizerConfig& config, const char* role, const char* usual) {
  const auto at = config.roles.find(role);
  return at == config.roles.end() ? usual : at->second.content;
}

}  // namespace

TokenizerParts read_vocab_txt(const std::filesystem::path& path, const TokenizerConfig& config) {
  auto lines = read_lines(path);
  std::unordered_map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < lines.size(); ++i) last[lines[i].first] = i;
  if (last.size() != lines.size()) {
    log::warning(path.string(), ": ", lines.size() - last.size(), " entries appear twice; the later id counts");
    std::vector<std::pair<std::string, TokenId>> kept;
    for (std::size_t i = 0; i < lines.size(); ++i)
      if (last.at(lines[i].first) == i) kept.push_back(lines[i]);
    last.clear();  // its keys point into lines
    lines = std::move(kept);
  }

  WordPieceOptions options;
  options.normalizer = {.clean_text = true,
                        .handle_chinese_chars = config.tokenize_chinese_chars.value_or(true),
                        .strip_accents = config.strip_accents,
                        .lowercase = config.do_lower_case.value_or(true)};
  options.unk_token = content_or(config, "unk_token", "[UNK]");

  TokenizerParts parts;
  parts.model = std::make_unique<WordPiece>(Vocabulary(lines, path.string()), std::move(options), path.string());
  const std::pair<const char*, const char*> usual[] = {{"unk_token", "[UNK]"},
                                                       {"sep_token", "[SEP]"},
                                                       {"pad_token", "[PAD]"},
                                                       {"cls_token", "[CLS]"},
                                                       {"mask_token", "[MASK]"}};
  parts.added_tokens = config.added_tokens;
  for (const auto& [role, spelling] : usual) {
    const auto at = config.roles.find(role);
    const auto token = at == config.roles.end() ? AddedToken{.content = spelling, .special = true} : at->second;
    const bool known = std::any_of(parts.added_tokens.begin(), parts.added_tokens.end(),
                                   [&](const AddedToken& other) { return other.content == token.content; });
    if (!known) parts.added_tokens.push_back(token);
  }

  const auto id_of = [&](const char* role, const char* spelling) {
    const auto content = content_or(config, role, spelling);
    const auto id = parts.model->token_to_id(content);
    if (!id)
      throw Error(ErrorKind::kBadData, "tokenizer_vocab", cat("the token '", content, "' is not in the vocabulary"),
                  path.string());
    return *id;
  };
  parts.templates = bert_templates(id_of("cls_token", "[CLS]"), id_of("sep_token", "[SEP]"));
  return parts;
}

}  // namespace frugal::tokenizers
