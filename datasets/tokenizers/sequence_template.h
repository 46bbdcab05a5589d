// Where special tokens stand around one text or two, and how texts are cut to make room for them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"

namespace frugal::tokenizers {

struct TemplatePiece {
  enum class Kind { kFirst, kSecond, kSpecial };
  Kind kind = Kind::kFirst;
  TokenId type_id = 0;
  std::vector<TokenId> special_ids;  // of kSpecial
};

using Template = std::vector<TemplatePiece>;

struct SequenceTemplates {
  Template single = {{TemplatePiece::Kind::kFirst, 0, {}}};
  Template pair = {{TemplatePiece::Kind::kFirst, 0, {}}, {TemplatePiece::Kind::kSecond, 1, {}}};
};

// [CLS] A [SEP] and [CLS] A [SEP] B [SEP], type 1 from B on.
SequenceTemplates bert_templates(TokenId cls, TokenId sep);
// [CLS] A [SEP] and [CLS] A [SEP] [SEP] B [SEP], type 0 throughout.
SequenceTemplates roberta_templates(TokenId cls, TokenId sep);
// What stands before and after each text: BOS A EOS, and BOS A EOS BOS B EOS with type 1 from the second BOS on.
SequenceTemplates framed_templates(const std::vector<TokenId>& before, const std::vector<TokenId>& after);

// Special tokens that the template adds.
std::size_t count_special(const Template& pieces);

// Cuts on the right until the two (or the one: second == nullptr) have at most `budget` tokens together, as Python's
// tokenizers do it. Errors: kUsage `truncation_impossible`, `pair_missing`.
void truncate(std::vector<TokenId>& first, std::vector<TokenId>* second, std::size_t budget, Truncation strategy);

Encoding apply_template(const Template& pieces, std::span<const TokenId> first, std::span<const TokenId> second,
                        bool add_special_tokens);

}  // namespace frugal::tokenizers
