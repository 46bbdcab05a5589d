#include "datasets/tokenizers/merge_texts.h"

#include "core/error.h"
#include "core/io/utf8.h"

namespace frugal::tokenizers {

MergeTexts::Pair MergeTexts::at(std::size_t index) const {
  const std::uint32_t begin = index == 0 ? 0 : ends_[index - 1].right;
  const std::string_view text = text_;
  return {text.substr(begin, ends_[index].left - begin),
          text.substr(ends_[index].left, ends_[index].right - ends_[index].left)};
}

void MergeTexts::add(std::string_view left, std::string_view right) {
  text_.append(left);
  const auto middle = static_cast<std::uint32_t>(text_.size());
  text_.append(right);
  ends_.push_back({middle, static_cast<std::uint32_t>(text_.size())});
}

bool MergeTexts::add(std::string_view pair) {
  const auto space = pair.find(' ');
  if (space == std::string_view::npos || pair.find(' ', space + 1) != std::string_view::npos) return false;
  add(pair.substr(0, space), pair.substr(space + 1));
  return true;
}

std::vector<Merge> resolve_merges(const Vocabulary& vocabulary, const MergeTexts& texts, const std::string& where) {
  std::vector<Merge> merges;
  merges.reserve(texts.size());
  std::string whole;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto [left, right] = texts.at(i);
    const auto id_of = [&](std::string_view token) {
      const auto id = vocabulary.find(token);
      if (!id)
        throw Error(
            ErrorKind::kBadData, "tokenizer_merges",
            cat("merge ", i, " needs the token '", io::printable(token, 64), "', which is not in the vocabulary"),
            where);
      return *id;
    };
    whole.assign(left).append(right);
    merges.push_back({id_of(left), id_of(right), id_of(whole), static_cast<std::uint32_t>(i)});
  }
  return merges;
}

}  // namespace frugal::tokenizers
