#include "datasets/tokenizers/sequence_template.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace frugal::tokenizers {

Truncation truncation_from_name(std::string_view name) {
  if (name == "none") return Truncation::kNone;
  if (name == "longest_first") return Truncation::kLongestFirst;
  if (name == "only_first") return Truncation::kOnlyFirst;
  if (name == "only_second") return Truncation::kOnlySecond;
  throw Error(ErrorKind::kUsage, "truncation_unknown", cat("there is no truncation '", name, "'"), {},
              "one of none, longest_first, only_first, only_second");
}

SequenceTemplates bert_templates(TokenId cls, TokenId sep) {
  using Kind = TemplatePiece::Kind;
  SequenceTemplates result;
  result.single = {{Kind::kSpecial, 0, {cls}}, {Kind::kFirst, 0, {}}, {Kind::kSpecial, 0, {sep}}};
  result.pair = result.single;
  result.pair.push_back({Kind::kSecond, 1, {}});
  result.pair.push_back({Kind::kSpecial, 1, {sep}});
  return result;
}

SequenceTemplates roberta_templates(TokenId cls, TokenId sep) {
  using Kind = TemplatePiece::Kind;
  SequenceTemplates result;
  result.single = {{Kind::kSpecial, 0, {cls}}, {Kind::kFirst, 0, {}}, {Kind::kSpecial, 0, {sep}}};
  result.pair = result.single;
  result.pair.push_back({Kind::kSpecial, 0, {sep}});
  result.pair.push_back({Kind::kSecond, 0, {}});
  result.pair.push_back({Kind::kSpecial, 0, {sep}});
  return result;
}

SequenceTemplates framed_templates(const std::vector<TokenId>& before, const std::vector<TokenId>& after) {
  using Kind = TemplatePiece::Kind;
  const auto frame = [&](Kind sequence, TokenId type, Template& pieces) {
    if (!before.empty()) pieces.push_back({Kind::kSpecial, type, before});
    pieces.push_back({sequence, type, {}});
    if (!after.empty()) pieces.push_back({Kind::kSpecial, type, after});
  };
  SequenceTemplates result{{}, {}};
  frame(Kind::kFirst, 0, result.single);
  frame(Kind::kFirst, 0, result.pair);
  frame(Kind::kSecond, 1, result.pair);
  return result;
}

std::size_t count_special(const Template& pieces) {
  std::size_t count = 0;
  for (const auto& piece : pieces) count += piece.special_ids.size();
  return count;
}

namespace {

// Lengths after longest_first: the shorter text is kept while it fits in half of the budget.
std::pair<std::size_t, std::size_t> longest_first(std::size_t first, std::size_t second, std::size_t budget) {
  const bool swapped = first > second;
  std::size_t n1 = std::min(first, second);
  std::size_t n2 = n1 > budget ? n1 : std::max(n1, budget - n1);
  if (n1 + n2 > budget) {
    n1 = budget / 2;
    n2 = n1 + budget % 2;
  }
  return swapped ? std::pair(n2, n1) : std::pair(n1, n2);
}

}  // namespace

void truncate(std::vector<TokenId>& first, std::vector<TokenId>* second, std::size_t budget, Truncation strategy) {
  const std::size_t total = first.size() + (second != nullptr ? second->size() : 0);
  if (strategy == Truncation::kNone || total <= budget) return;
  const auto cut = [](std::vector<TokenId>& ids, std::size_t n) { ids.resize(std::min(ids.size(), n)); };
  if (budget == 0) {
    first.clear();
    if (second != nullptr) second->clear();
    return;
  }
  if (strategy == Truncation::kLongestFirst) {
    if (second == nullptr) return cut(first, budget);
    const auto [n1, n2] = longest_first(first.size(), second->size(), budget);
    cut(first, n1);
    cut(*second, n2);
    return;
  }
  if (strategy == Truncation::kOnlySecond && second == nullptr)
    throw Error(ErrorKind::kUsage, "pair_missing", "truncation=only_second needs a second text");
  auto& target = strategy == Truncation::kOnlyFirst ? first : *second;
  const std::size_t excess = total - budget;
  if (target.size() <= excess)
    throw Error(ErrorKind::kUsage, "truncation_impossible",
                cat("cutting one text of ", target.size(), " tokens cannot remove ", excess), {},
                "truncation=longest_first, or a larger max_length");
  cut(target, target.size() - excess);
}

Encoding apply_template(const Template& pieces, std::span<const TokenId> first, std::span<const TokenId> second,
                        bool add_special_tokens) {
  Encoding result;
  for (const auto& piece : pieces) {
    if (piece.kind == TemplatePiece::Kind::kSpecial && !add_special_tokens) continue;
    const auto ids = piece.kind == TemplatePiece::Kind::kSpecial  ? std::span<const TokenId>(piece.special_ids)
                     : piece.kind == TemplatePiece::Kind::kSecond ? second
                                                                  : first;
    result.ids.insert(result.ids.end(), ids.begin(), ids.end());
    result.type_ids.resize(result.ids.size(), piece.type_id);
  }
  result.attention_mask.assign(result.ids.size(), 1);
  return result;
}

}  // namespace frugal::tokenizers
