#include "core/config/errors.h"

#include <algorithm>
#include <numeric>

namespace frugal::config {

void fail(std::string code, std::string message, std::string where, std::string hint) {
  throw Error(ErrorKind::kUsage, std::move(code), std::move(message), std::move(where), std::move(hint));
}

void fail(std::string code, std::string message, const Mark& mark, std::string hint) {
  fail(std::move(code), std::move(message), mark.text(), std::move(hint));
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongestName = 128;  // the distance is quadratic
  if (name.size() > kLongestName) return {};
  std::size_t best = std::max<std::size_t>(2, name.size() / 3) + 1;
  const std::string* nearest = nullptr;
  for (const auto& candidate : candidates) {
    if (candidate.size() > kLongestName) continue;
    const auto distance = edit_distance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = &candidate;
    }
  }
  return nearest ? "did you mean '" + *nearest + "'?" : std::string();
}

}  // namespace frugal::config
