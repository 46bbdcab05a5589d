#include "core/config/sweep_space.h"

#include <algorithm>
#include <random>
#include <set>

#include "core/config/errors.h"
#include "core/config/numbers.h"

namespace frugal::config {

namespace {

// One [set] at pattern[at]: whether it holds `c`, and where the pattern goes on; npos when it is no set.
struct SetMatch {
  bool holds;
  std::size_t next;
};

SetMatch match_set(std::string_view pattern, std::size_t at, char c) {
  auto first = at + 1;
  const bool negated = first < pattern.size() && pattern[first] == '!';
  if (negated) ++first;
  const auto close = pattern.find(']', first < pattern.size() && pattern[first] == ']' ? first + 1 : first);
  if (close == std::string_view::npos) return {c == '[', std::string_view::npos};
  bool holds = false;
  for (auto i = first; i < close; ++i) {
    if (i + 2 < close && pattern[i + 1] == '-') {
      holds = holds || (pattern[i] <= c && c <= pattern[i + 2]);
      i += 2;
    } else {
      holds = holds || pattern[i] == c;
    }
  }
  return {holds != negated, close + 1};
}

bool matches_any(std::string_view text, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return matches_pattern(text, p); });
}

std::vector<std::string> glob_values(const Override& item, const std::vector<std::shared_ptr<ConfigSource>>& sources) {
  std::set<std::string> options;
  for (const auto& source : sources)
    if (source->is_group(item.key))
      for (auto& name : source->list(item.key, ObjectType::kConfig)) options.insert(std::move(name));
  const auto& sweep = *item.value.sweep;
  std::vector<std::string> out;
  for (const auto& name : options)
    if (matches_any(name, sweep.include) && !matches_any(name, sweep.exclude)) out.push_back(name);
  return out;
}

}  // namespace

bool matches_pattern(std::string_view text, std::string_view pattern) {
  // Iterative, with one point to come back to: linear in practice, quadratic at worst.
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    bool matched = false;
    std::size_t next = p + 1;
    if (p < pattern.size() && pattern[p] == '[') {
      const auto set = match_set(pattern, p, text[t]);
      matched = set.holds;
      if (set.next != std::string_view::npos) next = set.next;
    } else if (p < pattern.size()) {
      matched = pattern[p] == '?' || pattern[p] == text[t];
    }
    if (matched) {
      p = next;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<std::string> sweep_texts(const Sweep& sweep) {
  std::vector<std::string> out;
  if (sweep.type == Sweep::Type::kChoice) {
    for (const auto& choice : sweep.choices) out.push_back(to_text(choice));
  } else if (sweep.type == Sweep::Type::kRange) {
    for (const auto& value : range_values(*sweep.start, *sweep.stop, *sweep.step)) out.push_back(python_text(*value));
  }
  if (sweep.shuffle) {
    // Seeded by the values, so that the same command line makes the same jobs in the same order.
    std::string all;
    for (const auto& text : out) all += text + ",";
    std::mt19937_64 random(std::hash<std::string>{}(all));
    std::shuffle(out.begin(), out.end(), random);
  }
  return out;
}

std::vector<std::string> sweep_values(const Override& item, const std::vector<std::shared_ptr<ConfigSource>>& sources) {
  const auto prefix = item.key_element() + "=";
  if (!item.is_sweep()) return {prefix + (item.value_kind == ValueKind::kNone ? "null" : to_text(item.value))};
  if (item.value_kind == ValueKind::kInterval)
    fail("unsupported_sweep", "an interval has no list of values; the sweepers random, sobol and tpe take it", item.mark(),
         "hydra/sweeper=sobol");
  const auto values = item.value_kind == ValueKind::kGlob ? glob_values(item, sources) : sweep_texts(*item.value.sweep);
  std::vector<std::string> out;
  out.reserve(values.size());
  for (const auto& value : values) out.push_back(prefix + value);
  return out;
}

}  // namespace frugal::config
