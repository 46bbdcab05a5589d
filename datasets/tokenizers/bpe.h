// Byte pair encoding (Sennrich et al. 2016) as Python's `tokenizers` 0.23 runs it: over the bytes of a word (GPT-2,
// Llama 3, Qwen 2) or over its characters, with single bytes for those that the vocabulary lacks (Llama 2).
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>

#include "datasets/tokenizers/merge_table.h"
#include "datasets/tokenizers/normalizer.h"
#include "datasets/tokenizers/pre_tokenizer.h"
#include "datasets/tokenizers/text_model.h"
#include "datasets/tokenizers/token_decoder.h"
#include "datasets/tokenizers/vocabulary.h"

namespace frugal::tokenizers {

struct BpeOptions {
  Normalizer normalizer = {};
  PreTokenizer pre_tokenizer = {};
  TokenDecoder decoder = {};
  bool byte_level = false;     // the vocabulary is spelled in GPT-2's printable bytes
  bool ignore_merges = false;  // a word that is an entry is that entry, whatever the merges would make of it
  bool byte_fallback = false;  // a character that is no entry becomes its bytes, <0xNN>, where all are entries
  bool fuse_unk = false;       // a run of unknown characters is one unk_token
  std::optional<std::string> unk_token = std::nullopt;  // without it unknown characters vanish
};

class BytePairEncoding final : public TextModel {
 public:
  // merges: in ids of the vocabulary. `where` names the file in errors.
  // Error(kBadData, "tokenizer_vocab"): the unknown token may be needed and is not in the vocabulary.
  BytePairEncoding(Vocabulary vocabulary, std::span<const Merge> merges, BpeOptions options, const std::string& where);

  std::string normalize(std::string_view text) const override { return apply_normalizer(options_.normalizer, text); }
  void tokenize(std::string_view normalized, bool at_start, std::vector<TokenId>& ids) const override;
  std::optional<TokenId> token_to_id(std::string_view token) const override { return vocabulary_.find(token); }
  std::optional<std::string_view> id_to_token(TokenId id) const override { return vocabulary_.token(id); }
  std::size_t entries() const override { return vocabulary_.entries().size(); }
  std::size_t id_end() const override { return vocabulary_.id_end(); }
  std::string join(const std::vector<std::string>& tokens) const override {
    return decode_tokens(options_.decoder, tokens);
  }
  std::string_view algorithm() const override { return options_.byte_level ? "byte-level BPE" : "BPE"; }

 private:
  // What the merges make of an entry's own text: found out when the entry is first met as a word.
  enum State : std::uint8_t { kUnknown, kWhole, kSplit };

  void index_words();
  void index_bytes();
  bool words_end_before_metaspace(std::span<const Merge> merges) const;
  void encode_word(std::string_view word, std::vector<TokenId>& symbols, std::vector<TokenId>& ids) const;
  void first_symbols(std::string_view word, std::vector<TokenId>& symbols) const;
  bool fall_back(std::string_view unit, std::vector<TokenId>& symbols) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  BpeOptions options_;
  StringTable words_;  // entries as text has them: raw bytes where the vocabulary spells them
  std::unique_ptr<std::atomic<std::uint8_t>[]> states_;  // beside words_; threads may find the same out twice
  std::array<TokenId, 256> byte_ids_{};                  // byte-level: ids of single bytes; else of <0xNN>; -1 for none
  std::optional<TokenId> unk_;
  bool cut_at_metaspace_ = false;
};

}  // namespace frugal::tokenizers
