// Texts longer than a model takes, cut into windows. Semantics of lm-evaluation-harness 0.4.13
// (`loglikelihood_rolling`). Links no LibTorch.
#pragma once

#include <cstddef>
#include <vector>

#include "experiments/likelihood/items.h"

namespace frugal {

struct Window {
  TokenIds input;          // at most max_length tokens
  std::size_t scored = 0;  // the last so many inputs predict tokens that no window before predicted, at least 1
  TokenIds targets;        // those tokens
  std::size_t document = 0;
};

// Every token is predicted once, the first window's first one from `prefix`. Later windows look back at least
// `least_context` tokens; the last one is filled up with context to max_length. 1 <= least_context <= max_length.
// Nothing for a text without tokens.
std::vector<Window> rolling_windows(const TokenIds& tokens, int64_t prefix, std::size_t max_length,
                                    std::size_t least_context = 1, std::size_t document = 0);

// Windows of like length together, longest first: indices into `windows`, at most batch_tokens with padding a batch.
std::vector<std::vector<std::size_t>> window_batches(const std::vector<Window>& windows, std::size_t batch_tokens);

}  // namespace frugal
