#include "experiments/likelihood/items.h"

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/python_text.h"

namespace frugal {

PairEncoder::PairEncoder(const tokenizers::Tokenizer& tokenizer, std::optional<bool> add_bos)
    : tokenizer_(tokenizer), add_bos_(add_bos) {
  if (const auto bos = tokenizer.special_tokens().bos) bos_ = tokenizer.id_to_token(*bos).value_or("");
}

TokenIds PairEncoder::ids_of(std::string_view text, bool special_tokens) const {
  const auto encoding = tokenizer_.encode(text, {.add_special_tokens = special_tokens});
  return {encoding.ids.begin(), encoding.ids.end()};
}

TokenIds PairEncoder::encode(std::string_view text) const {
  // A text that names its own BOS gets no second one.
  const bool has_bos = !add_bos_ && !bos_.empty() && text.starts_with(bos_);
  return ids_of(text, has_bos ? false : add_bos_.value_or(true));
}

TokenPair PairEncoder::encode_pair(std::string_view context, std::string_view continuation,
                                   const TokenIds* context_ids) const {
  const auto nothing_left = [&] {
    throw Error(ErrorKind::kBadData, "empty_continuation",
                cat("nothing is left to score of '", io::printable(continuation, 60), "'"));
  };
  TokenPair pair;
  if (context.empty()) {
    const auto& special = tokenizer_.special_tokens();
    const auto prefix = special.bos ? special.bos : special.eos;
    if (!prefix)
      throw Error(ErrorKind::kBadData, "no_prefix_token", "the context is empty, and the tokenizer has no BOS or EOS");
    pair.continuation = ids_of(continuation, false);
    if (pair.continuation.empty()) nothing_left();
    pair.context = {*prefix};
    if (pair.continuation.front() == *prefix) pair.continuation.erase(pair.continuation.begin());
  } else {
    const std::string_view stem = datasets::rstrip(context);
    const TokenIds alone = context_ids != nullptr ? *context_ids : encode(stem);
    const TokenIds whole = encode(std::string(context) + std::string(continuation));
    const auto split = static_cast<std::ptrdiff_t>(std::min(alone.size(), whole.size()));
    pair.context = alone;
    pair.continuation.assign(whole.begin() + split, whole.end());
  }
  if (pair.continuation.empty()) nothing_left();
  return pair;
}

std::size_t truncate_left(TokenPair& pair, std::size_t max_length) {
  if (pair.continuation.size() > max_length)
    throw Error(ErrorKind::kBadData, "continuation_too_long",
                cat("a continuation has ", pair.continuation.size(), " tokens, the model takes ", max_length));
  const std::size_t total = pair.context.size() + pair.continuation.size();
  if (total <= max_length + 1) return 0;
  const std::size_t cut = total - (max_length + 1);
  pair.context.erase(pair.context.begin(), pair.context.begin() + static_cast<std::ptrdiff_t>(cut));
  return cut;
}

}  // namespace frugal
