#include "datasets/tokenizers/bpe.h"

#include <algorithm>
#include <cstdio>

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/byte_level.h"

namespace frugal::tokenizers {

namespace {

constexpr std::string_view kMetaspace = "\u2581";

// Whether a metaspace follows something else than a metaspace.
bool metaspace_inside(std::string_view token) {
  for (auto at = token.find(kMetaspace, 1); at != std::string_view::npos; at = token.find(kMetaspace, at + 1))
    if (!token.substr(0, at).ends_with(kMetaspace)) return true;
  return false;
}

}  // namespace

BytePairEncoding::BytePairEncoding(Vocabulary vocabulary, std::span<const Merge> merges, BpeOptions options,
                                   const std::string& where)
    : vocabulary_(std::move(vocabulary)), merges_(merges), options_(std::move(options)) {
  index_words();
  index_bytes();
  if (options_.unk_token) unk_ = vocabulary_.find(*options_.unk_token);
  const bool all_bytes = std::all_of(byte_ids_.begin(), byte_ids_.end(), [](TokenId id) { return id >= 0; });
  if (options_.unk_token && !unk_ && !all_bytes)
    throw Error(ErrorKind::kBadData, "tokenizer_vocab",
                cat("the unknown token '", io::printable(*options_.unk_token), "' is not in the vocabulary"), where);
  cut_at_metaspace_ = words_end_before_metaspace(merges);
}

void BytePairEncoding::index_words() {
  std::size_t bytes = 0;
  for (const auto& entry : vocabulary_.entries()) bytes += entry.token.size();
  words_.reserve(vocabulary_.entries().size(), bytes);
  for (const auto& [id, token] : vocabulary_.entries()) {
    if (!options_.byte_level) {
      words_.insert(token, id);
    } else if (const auto raw = unspell_bytes(token)) {
      words_.insert(*raw, id);  // spelling is one to one: no two entries meet here
    }
  }
  states_ = std::make_unique<std::atomic<std::uint8_t>[]>(words_.size());
}

void BytePairEncoding::index_bytes() {
  for (unsigned byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    const char raw = static_cast<char>(byte);
    byte_ids_[byte] = vocabulary_.find(options_.byte_level ? spell_bytes({&raw, 1}) : std::string(name)).value_or(-1);
  }
}

// True when no merge reaches over the start of a word that is marked by a metaspace: then a text without spaces can be
// cut there before merging, with the same result and in a fraction of the time.
bool BytePairEncoding::words_end_before_metaspace(std::span<const Merge> merges) const {
  return !options_.byte_level && !options_.ignore_merges && vocabulary_.find(kMetaspace) &&
         std::none_of(merges.begin(), merges.end(),
                      [&](const Merge& merge) { return metaspace_inside(*vocabulary_.token(merge.result)); });
}

void BytePairEncoding::tokenize(std::string_view normalized, bool at_start, std::vector<TokenId>& ids) const {
  if (normalized.empty()) return;
  Words words;
  pre_tokenize(options_.pre_tokenizer, normalized, at_start, words);
  std::vector<TokenId> symbols;
  for (auto word : words.words) {
    for (auto at = cut_at_metaspace_ ? word.find(kMetaspace, 1) : std::string_view::npos;
         at != std::string_view::npos;) {
      if (word.substr(0, at).ends_with(kMetaspace)) {
        at = word.find(kMetaspace, at + 1);
        continue;
      }
      encode_word(word.substr(0, at), symbols, ids);
      word.remove_prefix(at);
      at = word.find(kMetaspace, 1);
    }
    if (!word.empty()) encode_word(word, symbols, ids);
  }
}

void BytePairEncoding::encode_word(std::string_view word, std::vector<TokenId>& symbols,
                                   std::vector<TokenId>& ids) const {
  const auto index = word.size() <= kMaxTokenBytes ? words_.index_of(word) : StringTable::kNone;
  const bool entry = index != StringTable::kNone;
  const std::uint8_t state = entry ? states_[index].load(std::memory_order_relaxed) : std::uint8_t{kSplit};
  if (entry && (options_.ignore_merges || state == kWhole)) {
    ids.push_back(words_.value_at(index));
    return;
  }
  first_symbols(word, symbols);
  merge_symbols(merges_, symbols);
  if (state == kUnknown) {
    const bool whole = symbols.size() == 1 && symbols[0] == words_.value_at(index);
    states_[index].store(whole ? kWhole : kSplit, std::memory_order_relaxed);
  }
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

bool BytePairEncoding::fall_back(std::string_view unit, std::vector<TokenId>& symbols) const {
  const auto id_of = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
  if (std::any_of(unit.begin(), unit.end(), [&](char byte) { return id_of(byte) < 0; })) return false;
  for (const char byte : unit) symbols.push_back(id_of(byte));
  return true;
}

// One symbol for each byte or character. An unknown one waits until the next known one, so that a run can be fused;
// bytes that stand for a character do not end the wait: so does the reference.
void BytePairEncoding::first_symbols(std::string_view word, std::vector<TokenId>& symbols) const {
  symbols.clear();
  bool waiting = false;
  for (std::size_t at = 0; at < word.size();) {
    const auto length = options_.byte_level ? 1 : io::decode_utf8(word, at).bytes;
    const auto unit = word.substr(at, length);
    at += length;
    const auto id =
        options_.byte_level ? byte_ids_[static_cast<unsigned char>(unit[0])] : words_.find(unit).value_or(-1);
    if (id >= 0) {
      if (waiting) symbols.push_back(*unk_);
      waiting = false;
      symbols.push_back(id);
    } else if (!(options_.byte_fallback && !options_.byte_level && fall_back(unit, symbols)) && unk_) {
      if (waiting && !options_.fuse_unk) symbols.push_back(*unk_);
      waiting = true;
    }
  }
  if (waiting) symbols.push_back(*unk_);
}

}  // namespace frugal::tokenizers
