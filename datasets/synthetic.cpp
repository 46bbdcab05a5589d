#include "datasets/synthetic.h"

#include <algorithm>

#include "core/error.h"
#include "core/philox.h"
#include "datasets/samplers.h"

namespace frugal::datasets {

namespace {

constexpr tokenizers::TokenId kCls = 2, kSep = 3, kA = 4, kB = 5, kFirstFiller = 6;

void check(const TokenOrderOptions& options) {
  const auto fail = [](const std::string& message) { throw Error(ErrorKind::kUsage, "synthetic_options", message); };
  if (options.count == 0 || options.count > (1u << 24)) fail("count must be in 1..2^24");
  if (options.vocabulary < 8 || options.vocabulary > (1u << 24)) fail("vocabulary must be in 8..2^24");
  if (options.min_length < 4 || options.min_length > options.max_length || options.max_length > (1u << 20))
    fail("expected 4 <= min_length <= max_length <= 2^20");
}

tokenizers::Encoding make_sequence(const TokenOrderOptions& options, bool a_first, Philox& random) {
  const auto below = [&](std::size_t bound) { return random.below(static_cast<std::uint32_t>(bound)); };
  const auto words = options.min_length + below(options.max_length - options.min_length + 1) - 2;
  tokenizers::Encoding encoding;
  encoding.ids.push_back(kCls);
  for (std::size_t i = 0; i < words; ++i)
    encoding.ids.push_back(kFirstFiller + static_cast<tokenizers::TokenId>(below(options.vocabulary - kFirstFiller)));
  encoding.ids.push_back(kSep);
  auto first = below(words), second = below(words - 1);
  if (second >= first) ++second;
  if (first > second) std::swap(first, second);
  encoding.ids[1 + first] = a_first ? kA : kB;
  encoding.ids[1 + second] = a_first ? kB : kA;
  encoding.type_ids.assign(encoding.ids.size(), 0);
  encoding.attention_mask.assign(encoding.ids.size(), 1);
  return encoding;
}

}  // namespace

TokenDataset make_token_order(const TokenOrderOptions& options) {
  check(options);
  TokenDataset dataset;
  dataset.vocabulary = options.vocabulary;
  // Even streams of the generator shuffle the labels, odd ones draw the sequences.
  const auto order = permutation(options.count, options.seed, 2 * options.stream);
  Philox random(options.seed, 2 * options.stream + 1);
  for (std::size_t i = 0; i < options.count; ++i) {
    const std::int64_t label = order[i] % 2;
    dataset.encodings.push_back(make_sequence(options, label == 1, random));
    dataset.labels.push_back(label);
  }
  return dataset;
}

}  // namespace frugal::datasets
