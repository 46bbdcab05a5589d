#include "datasets/tokenizers/gguf_tokenizer.h"

#include <algorithm>

#include "core/error.h"
#include "core/io/gguf.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/bpe.h"
#include "datasets/tokenizers/merge_texts.h"
#include "datasets/tokenizers/piece_scores.h"

namespace frugal::tokenizers {

namespace {

constexpr std::string_view kMetaspace = "\u2581";

// Types of tokens, with llama.cpp's numbers.
enum TokenType : std::int64_t {
  kUndefined = 0,
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

std::string key(const char* name) {
  return cat("tokenizer.ggml.", name);
}

// Reads the keys of one file and says where they are in errors.
class Metadata {
 public:
  explicit Metadata(const std::filesystem::path& path) : file_(io::GgufFile::open(path)) {}

  [[noreturn]] void fail(const char* name, const std::string& message, const char* code = "tokenizer_gguf") const {
    throw Error(ErrorKind::kBadData, code, message, file_.where(key(name)));
  }
  const io::GgufFile& file() const { return file_; }
  std::string where(const char* name) const { return file_.where(key(name)); }
  std::string text(const char* name) const {
    const auto value = file_.text(key(name));
    if (!value) fail(name, "the key is missing");
    return std::string(*value);
  }
  bool flag(const char* name, bool otherwise) const { return file_.flag(key(name)).value_or(otherwise); }
  std::vector<std::string_view> texts(const char* name) const {
    auto values = file_.texts(key(name));
    if (!values) fail(name, "the key is missing");
    return *std::move(values);
  }
  std::optional<TokenId> id(const char* name, std::size_t tokens) const {
    const auto value = file_.integer(key(name));
    if (!value) return std::nullopt;
    if (*value < 0 || static_cast<std::uint64_t>(*value) >= tokens)
      fail(name, cat("the id ", *value, " is not in 0..", tokens - 1));
    return static_cast<TokenId>(*value);
  }

 private:
  io::GgufFile file_;
};

struct Tokens {
  std::vector<std::string_view> texts;
  std::vector<std::int64_t> types;
};

Tokens read_tokens(const Metadata& data) {
  Tokens tokens{data.texts("tokens"), {}};
  if (tokens.texts.empty() || tokens.texts.size() > static_cast<std::size_t>(kMaxTokenId))
    data.fail("tokens", cat("a vocabulary of ", tokens.texts.size(), " tokens"));
  const auto types = data.file().integers(key("token_type"));
  tokens.types = types.value_or(std::vector<std::int64_t>(tokens.texts.size(), kNormal));
  if (tokens.types.size() != tokens.texts.size())
    data.fail("token_type", cat(tokens.types.size(), " types for ", tokens.texts.size(), " tokens"));
  const auto unknown = std::find_if(tokens.types.begin(), tokens.types.end(),
                                    [](auto type) { return type < kUndefined || type > kByte; });
  if (unknown != tokens.types.end())
    data.fail("token_type", cat("token ", unknown - tokens.types.begin(), " has the type ", *unknown, "; types are 0..",
                                std::int64_t{kByte}));
  return tokens;
}

Vocabulary make_vocabulary(const Metadata& data, const Tokens& tokens) {
  VocabularyEntries entries;
  entries.reserve(tokens.texts.size());
  for (const auto text : tokens.texts) entries.emplace_back(text, static_cast<TokenId>(entries.size()));
  return Vocabulary(entries, data.where("tokens"));
}

void set_byte_level_words(const Metadata& data, BpeOptions& options) {
  const auto pre = data.text("pre");
  const auto words = [&](WordPattern pattern) {
    options.pre_tokenizer.push_back({.kind = PreTokenizerStep::Kind::kPattern, .pattern = pattern});
  };
  if (pre == "gpt-2") {
    words(WordPattern::kGpt2);
  } else if (pre == "smollm") {
    options.pre_tokenizer.push_back({.kind = PreTokenizerStep::Kind::kDigits, .individual_digits = true});
    words(WordPattern::kGpt2);
  } else if (pre == "llama-bpe") {
    words(WordPattern::kLlama3);
    options.ignore_merges = true;
  } else if (pre == "qwen2") {
    options.normalizer.push_back({.kind = NormalizerStep::Kind::kNfc});
    words(WordPattern::kQwen2);
  } else {
    data.fail("pre",
              cat("the pre-tokenizer '", io::printable(pre, 64),
                  "' is not supported; supported: gpt-2, smollm, llama-bpe, qwen2"),
              "tokenizer_unsupported");
  }
}

std::unique_ptr<const TextModel> read_byte_level(const Metadata& data, const Tokens& tokens) {
  BpeOptions options;
  options.byte_level = true;
  options.decoder = {{.kind = DecoderStep::Kind::kByteLevel}};
  set_byte_level_words(data, options);
  MergeTexts texts;
  for (const auto pair : data.texts("merges"))
    if (!texts.add(pair))
      data.fail("merges", cat("merge ", texts.size(), ": expected two tokens with a space between them"));
  auto vocabulary = make_vocabulary(data, tokens);
  const auto merges = resolve_merges(vocabulary, texts, data.where("merges"));
  return std::make_unique<BytePairEncoding>(std::move(vocabulary), merges, std::move(options), data.where("tokens"));
}

std::unique_ptr<const TextModel> read_pieces(const Metadata& data, const Tokens& tokens) {
  using Normalize = NormalizerStep::Kind;
  using Decode = DecoderStep::Kind;
  const auto scores = data.file().numbers(key("scores"));
  if (!scores || scores->size() != tokens.texts.size())
    data.fail("scores", cat("expected a score for each of ", tokens.texts.size(), " tokens"));
  std::vector<bool> mergeable;
  mergeable.reserve(tokens.types.size());
  for (const auto type : tokens.types) mergeable.push_back(type != kUnknown && type != kControl && type != kByte);
  BpeOptions options;
  options.fuse_unk = true;
  options.byte_fallback = std::find(tokens.types.begin(), tokens.types.end(), kByte) != tokens.types.end();
  if (const auto unk = data.id("unknown_token_id", tokens.texts.size()))
    options.unk_token = std::string(tokens.texts[static_cast<std::size_t>(*unk)]);
  const bool prefix = data.flag("add_space_prefix", true);
  if (prefix) options.normalizer.push_back({.kind = Normalize::kPrepend, .content = " "});
  options.normalizer.push_back({.kind = Normalize::kReplace, .pattern = " ", .content = std::string(kMetaspace)});
  options.decoder = {{.kind = Decode::kReplace, .pattern = std::string(kMetaspace), .content = " "},
                     {.kind = Decode::kByteFallback},
                     {.kind = Decode::kFuse}};
  if (prefix) options.decoder.push_back({.kind = Decode::kStrip, .content = " ", .start = 1});
  auto vocabulary = make_vocabulary(data, tokens);
  const auto merges = merges_by_score(vocabulary, *scores, mergeable, data.where("tokens"));
  return std::make_unique<BytePairEncoding>(std::move(vocabulary), merges, std::move(options), data.where("tokens"));
}

std::vector<AddedToken> added_tokens(const Tokens& tokens) {
  std::vector<AddedToken> added;
  for (std::size_t i = 0; i < tokens.texts.size(); ++i) {
    const auto type = tokens.types[i];
    if (type == kControl || type == kUnknown || type == kUserDefined)
      added.push_back({.content = std::string(tokens.texts[i]), .special = type != kUserDefined});
  }
  return added;
}

}  // namespace

GgufTokenizer read_gguf_tokenizer(const std::filesystem::path& path) {
  const Metadata data(path);
  const auto model = data.text("model");
  if (model != "gpt2" && model != "llama")
    data.fail("model", cat("the model '", io::printable(model, 64), "' is not supported; supported: gpt2, llama"),
              "tokenizer_unsupported");
  const auto tokens = read_tokens(data);
  const auto count = tokens.texts.size();
  GgufTokenizer result;
  result.parts.model = model == "gpt2" ? read_byte_level(data, tokens) : read_pieces(data, tokens);
  result.parts.added_tokens = added_tokens(tokens);

  const auto bos = data.id("bos_token_id", count), eos = data.id("eos_token_id", count);
  const auto id_list = [&](const std::optional<TokenId>& id, const char* name, bool wanted) {
    if (wanted && !id) data.fail(name, "the text is to be framed by this token, but the key is missing");
    return wanted ? std::vector<TokenId>{*id} : std::vector<TokenId>();
  };
  const bool usually = model == "llama" || data.text("pre") == "llama-bpe";
  result.parts.templates =
      framed_templates(id_list(bos, "bos_token_id", data.flag("add_bos_token", usually && bos.has_value())),
                       id_list(eos, "eos_token_id", data.flag("add_eos_token", false)));
  const std::pair<const char*, std::optional<TokenId>> roles[] = {{"bos_token", bos},
                                                                  {"eos_token", eos},
                                                                  {"unk_token", data.id("unknown_token_id", count)},
                                                                  {"pad_token", data.id("padding_token_id", count)}};
  for (const auto& [role, id] : roles)
    if (id) result.config.roles[role] = {.content = std::string(tokens.texts[static_cast<std::size_t>(*id)])};
  return result;
}

}  // namespace frugal::tokenizers
