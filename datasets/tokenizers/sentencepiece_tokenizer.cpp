#include "datasets/tokenizers/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include "core/error.h"
#include "core/io/file.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/normalizer.h"
#include "datasets/tokenizers/sentencepiece_file.h"
#include "datasets/tokenizers/token_decoder.h"
#include "datasets/tokenizers/vocabulary.h"

namespace frugal::tokenizers {

namespace {

using Processor = sentencepiece::SentencePieceProcessor;

constexpr std::uint64_t kMaxFileBytes = 64u << 20;

VocabularyEntries entries_of(const Processor& processor) {
  VocabularyEntries entries;
  for (int id = 0; id < processor.GetPieceSize(); ++id) entries.emplace_back(processor.IdToPiece(id), id);
  return entries;
}

class SentencePieceModel final : public TextModel {
 public:
  SentencePieceModel(std::unique_ptr<const Processor> processor, const SentencePieceSettings& settings,
                     const std::string& where)
      : processor_(std::move(processor)), vocabulary_(entries_of(*processor_), where) {
    using Kind = DecoderStep::Kind;
    decoder_ = {{.kind = Kind::kReplace, .pattern = "\u2581", .content = " "},
                {.kind = Kind::kByteFallback},
                {.kind = Kind::kFuse}};
    if (settings.add_dummy_prefix || settings.remove_extra_whitespaces)
      decoder_.push_back({.kind = Kind::kStrip, .content = " ", .start = 1});
  }

  // The library normalizes by the model's own table.
  std::string normalize(std::string_view text) const override { return valid_utf8(text); }
  void tokenize(std::string_view normalized, bool /*at_start*/, std::vector<TokenId>& ids) const override {
    std::vector<int> found;
    if (const auto status = processor_->Encode(normalized, &found); !status.ok())
      throw Error(ErrorKind::kBadData, "tokenizer_sentencepiece", cat("libsentencepiece: ", status.ToString()));
    ids.insert(ids.end(), found.begin(), found.end());
  }
  std::optional<TokenId> token_to_id(std::string_view token) const override { return vocabulary_.find(token); }
  std::optional<std::string_view> id_to_token(TokenId id) const override { return vocabulary_.token(id); }
  std::size_t entries() const override { return vocabulary_.entries().size(); }
  std::size_t id_end() const override { return vocabulary_.id_end(); }
  std::string join(const std::vector<std::string>& tokens) const override { return decode_tokens(decoder_, tokens); }
  std::string_view algorithm() const override { return "SentencePiece"; }

 private:
  std::unique_ptr<const Processor> processor_;
  Vocabulary vocabulary_;
  TokenDecoder decoder_;
};

// Most faults come as a status, those of the trie that it builds as an exception of its own.
std::unique_ptr<Processor> load_processor(const std::string& bytes, const std::string& file) {
  auto processor = std::make_unique<Processor>();
  std::string why;
  try {
    if (const auto status = processor->LoadFromSerializedProto(bytes); !status.ok()) why = status.ToString();
  } catch (const std::exception& error) {
    why = error.what();
  }
  if (!why.empty())
    throw Error(ErrorKind::kBadData, "tokenizer_sentencepiece",
                cat("libsentencepiece refuses the model: ", io::printable(why)), file);
  return processor;
}

void add_role(TokenizerConfig& config, const char* role, const Processor& processor, int id) {
  if (id >= 0 && !config.roles.contains(role))
    config.roles[role] = {.content = processor.IdToPiece(id), .special = true};
}

}  // namespace

TokenizerParts read_sentencepiece(const std::filesystem::path& path, TokenizerConfig& config) {
  const auto file = path.string();
  const auto bytes = io::read_file(path, kMaxFileBytes);
  const auto settings = check_sentencepiece(bytes, file);
  auto processor = load_processor(bytes, file);

  TokenizerParts parts;
  for (int id = 0; id < processor->GetPieceSize(); ++id)
    if (processor->IsControl(id) || processor->IsUnknown(id))
      parts.added_tokens.push_back({.content = processor->IdToPiece(id), .special = true});
  std::vector<TokenId> before, after;
  if (processor->bos_id() >= 0 && config.add_bos_token.value_or(true)) before.push_back(processor->bos_id());
  if (processor->eos_id() >= 0 && config.add_eos_token.value_or(false)) after.push_back(processor->eos_id());
  parts.templates = framed_templates(before, after);
  add_role(config, "bos_token", *processor, processor->bos_id());
  add_role(config, "eos_token", *processor, processor->eos_id());
  add_role(config, "unk_token", *processor, processor->unk_id());
  add_role(config, "pad_token", *processor, processor->pad_id());
  parts.model = std::make_unique<SentencePieceModel>(std::move(processor), settings, file);
  return parts;
}

}  // namespace frugal::tokenizers
