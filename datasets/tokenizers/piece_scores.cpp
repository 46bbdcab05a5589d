#include "datasets/tokenizers/piece_scores.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/io/utf8.h"

namespace frugal::tokenizers {

namespace {

constexpr std::size_t kMaxPieceBytes =
    256;  // cuts times length: a longer one would cost a hostile file's reader minutes

// Equal scores share a rank; NaN is no score and ranks last.
std::vector<std::uint32_t> ranks_of(std::span<const double> scores) {
  std::vector<std::uint32_t> order(scores.size()), ranks(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto better = [&](std::uint32_t a, std::uint32_t b) {
    if (scores[a] != scores[a] || scores[b] != scores[b]) return scores[a] == scores[a] && scores[b] != scores[b];
    return scores[a] > scores[b];
  };
  std::sort(order.begin(), order.end(), better);
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && better(order[i - 1], order[i])) ++rank;
    ranks[order[i]] = rank;
  }
  return ranks;
}

}  // namespace

std::vector<Merge> merges_by_score(const Vocabulary& vocabulary, std::span<const double> scores,
                                   const std::vector<bool>& mergeable, const std::string& where) {
  const auto ranks = ranks_of(scores);
  std::vector<Merge> merges;
  for (const auto& [id, token] : vocabulary.entries()) {
    const auto index = static_cast<std::size_t>(id);
    if (!mergeable[index]) continue;
    if (token.size() > kMaxPieceBytes)
      throw Error(ErrorKind::kBadData, "tokenizer_vocab",
                  cat("the piece with id ", id, " has ", token.size(), " bytes"), where);
    for (std::size_t cut = 0; cut < token.size();) {
      cut += io::decode_utf8(token, cut).bytes;
      if (cut >= token.size()) break;
      const auto left = vocabulary.find(token.substr(0, cut));
      const auto right = left ? vocabulary.find(token.substr(cut)) : std::nullopt;
      if (right) merges.push_back({*left, *right, id, ranks[index]});
    }
  }
  return merges;
}

}  // namespace frugal::tokenizers
