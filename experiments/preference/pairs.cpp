#include "experiments/preference/pairs.h"

#include <algorithm>

#include "core/error.h"

namespace frugal {
namespace {

void truncate(TokenizedPair& pair, const PairLimits& limits) {
  const auto too_long = [&] {
    return pair.prompt.size() + std::max(pair.chosen.size(), pair.rejected.size()) > limits.max_length;
  };
  if (!too_long()) return;
  if (pair.prompt.size() > limits.max_prompt_length)
    pair.prompt.erase(pair.prompt.begin(), pair.prompt.end() - static_cast<std::ptrdiff_t>(limits.max_prompt_length));
  if (!too_long()) return;
  for (TokenIds* answer : {&pair.chosen, &pair.rejected})
    answer->resize(std::min(answer->size(), limits.max_length - limits.max_prompt_length));
}

}  // namespace

std::vector<TokenizedPair> tokenize_pairs(const std::vector<datasets::PreferencePair>& pairs,
                                          const tokenizers::Tokenizer& tokenizer, const PairLimits& limits) {
  const auto& special = tokenizer.special_tokens();
  if (!special.eos) throw Error(ErrorKind::kBadData, "no_eos_token", "the tokenizer has no EOS to end an answer with");
  if (limits.max_prompt_length >= limits.max_length)
    throw Error(ErrorKind::kUsage, "bad_value",
                cat("max_prompt_length ", limits.max_prompt_length, " leaves no room for an answer in max_length ",
                    limits.max_length),
                "experiment.max_prompt_length");
  std::vector<TokenizedPair> out;
  for (const datasets::PreferencePair& pair : pairs) {
    const auto ids = [&](const std::string& text) {
      const auto encoding = tokenizer.encode(text, {.add_special_tokens = false});
      return TokenIds(encoding.ids.begin(), encoding.ids.end());
    };
    TokenizedPair made{.prompt = ids(pair.prompt), .chosen = ids(pair.chosen), .rejected = ids(pair.rejected)};
    if (special.bos) made.prompt.insert(made.prompt.begin(), *special.bos);
    if (made.prompt.empty())
      throw Error(ErrorKind::kBadData, "empty_prompt", "a prompt has no token, and the tokenizer no BOS", pair.id);
    for (TokenIds* answer : {&made.chosen, &made.rejected}) answer->push_back(*special.eos);
    truncate(made, limits);
    out.push_back(std::move(made));
  }
  return out;
}

}  // namespace frugal
