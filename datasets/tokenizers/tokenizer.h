// Text to token ids and back: what every tokenizer of the project offers, whatever its file format or algorithm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace frugal::tokenizers {

using TokenId = std::int32_t;

enum class Truncation { kNone, kLongestFirst, kOnlyFirst, kOnlySecond };
// "none" "longest_first" "only_first" "only_second"; Error(kUsage, "truncation_unknown") for another word.
Truncation truncation_from_name(std::string_view name);

struct EncodeOptions {
  bool add_special_tokens = true;
  // Most tokens of the result, special tokens included; no limit when empty. Cuts on the right.
  std::optional<std::size_t> max_length = std::nullopt;
  Truncation truncation = Truncation::kLongestFirst;  // used only with max_length
};

// One sequence (or pair). The three vectors have one length.
struct Encoding {
  std::vector<TokenId> ids;
  std::vector<TokenId> type_ids;        // 0, and 1 for the second text of a pair, as the tokenizer's template says
  std::vector<TokenId> attention_mask;  // all ones: padding is the batch's business
};

// Ids of the roles that the tokenizer's files name; empty where they name none.
struct SpecialTokens {
  std::optional<TokenId> unk, pad, cls, sep, mask, bos, eos;
};

// Immutable after loading, so one object serves many threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Ids as Python's tokenizer(text, pair, ...) gives them. Bytes that are no UTF-8 count as U+FFFD, one for each
  // maximal invalid part, as Python's decode(errors="replace") has it.
  // Errors: kUsage `truncation_impossible` when the strategy cannot reach max_length, `pair_missing` for
  // only_second without a pair.
  virtual Encoding encode(std::string_view text, std::optional<std::string_view> pair,
                          const EncodeOptions& options) const = 0;
  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const {
    return encode(text, std::nullopt, options);
  }

  // Text of the ids. Error(kUsage, "token_id_out_of_range") for an id that the vocabulary lacks.
  virtual std::string decode(std::span<const TokenId> ids, bool skip_special_tokens) const = 0;

  virtual const SpecialTokens& special_tokens() const = 0;
  virtual std::optional<TokenId> token_to_id(std::string_view token) const = 0;
  // Text of the token as the vocabulary spells it; empty optional outside the vocabulary.
  virtual std::optional<std::string> id_to_token(TokenId id) const = 0;
  // Highest id + 1, added tokens included: the least embedding rows that a model needs.
  virtual std::size_t vocabulary_size() const = 0;
  // "WordPiece", "byte-level BPE", "BPE", "SentencePiece": for people to read.
  virtual std::string_view algorithm() const = 0;
};

// path: a folder (tokenizer.json first, else vocab.txt, else tokenizer.model), one of those files, or a GGUF
// checkpoint. tokenizer_config.json and special_tokens_map.json beside it name the special tokens' roles; a GGUF file
// names its own. Errors: kUsage `tokenizer_not_found`; kBadData `tokenizer_unsupported` (names the type that this build
// cannot run), `tokenizer_json`, `tokenizer_vocab`, `tokenizer_merges`, `tokenizer_config`, `tokenizer_gguf`,
// `tokenizer_sentencepiece`, and the errors of io::GgufFile::open.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& path);

// A batch as models take it, row-major [rows, columns], padded on the right.
struct PaddedBatch {
  std::size_t rows = 0, columns = 0;
  std::vector<std::int64_t> input_ids, token_type_ids, attention_mask;
};

struct PadOptions {
  TokenId pad_id = 0;
  std::size_t pad_to_multiple_of = 1;  // >= 1; 8 suits fp16 kernels
  std::size_t least_columns = 0;       // pads to at least this, for fixed shapes
};

// Pads to the longest of the batch (rounded up). An empty batch gives 0 rows and 0 columns.
// Error(kUsage, "pad_options") when pad_to_multiple_of is 0.
PaddedBatch pad_batch(std::span<const Encoding> encodings, const PadOptions& options);

}  // namespace frugal::tokenizers
