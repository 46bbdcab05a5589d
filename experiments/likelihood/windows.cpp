#include "experiments/likelihood/windows.h"

#include <algorithm>
#include <numeric>

namespace frugal {

std::vector<Window> rolling_windows(const TokenIds& tokens, int64_t prefix, std::size_t max_length,
                                    std::size_t least_context, std::size_t document) {
  std::vector<Window> windows;
  const auto at = [&](std::size_t i) { return tokens.begin() + static_cast<std::ptrdiff_t>(i); };
  const auto add = [&](TokenIds input, std::size_t from, std::size_t to) {
    windows.push_back(
        {.input = std::move(input), .scored = to - from, .targets = {at(from), at(to)}, .document = document});
  };
  if (tokens.empty()) return windows;
  const std::size_t first = std::min(max_length, tokens.size());
  TokenIds input = {prefix};
  input.insert(input.end(), at(0), at(first - 1));
  add(std::move(input), 0, first);
  const std::size_t most = max_length - least_context + 1;
  for (std::size_t done = first; done < tokens.size();) {
    const std::size_t end = done + std::min(tokens.size() - done, most);
    add({at(end - 1 - max_length), at(end - 1)}, done, end);
    done = end;
  }
  return windows;
}

std::vector<std::vector<std::size_t>> window_batches(const std::vector<Window>& windows, std::size_t batch_tokens) {
  std::vector<std::size_t> order(windows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto length = [&](std::size_t i) { return windows[i].input.size(); };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return length(a) > length(b); });
  std::vector<std::vector<std::size_t>> batches;
  for (const std::size_t i : order) {
    const bool fits = !batches.empty() && (batches.back().size() + 1) * length(batches.back().front()) <= batch_tokens;
    if (!fits) batches.emplace_back();
    batches.back().push_back(i);
  }
  return batches;
}

}  // namespace frugal
