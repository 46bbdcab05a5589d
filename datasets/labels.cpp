#include "datasets/labels.h"

#include <algorithm>
#include <cmath>

#include "core/io/utf8.h"
#include "core/text.h"

namespace frugal::datasets {

std::optional<std::int64_t> index_of(std::span<const std::string> names, std::string_view name) {
  const auto at = std::find(names.begin(), names.end(), name);
  return at == names.end() ? std::nullopt : std::optional<std::int64_t>(at - names.begin());
}

double parse_score(const LineFile& lines, std::string_view text, double low, double high) {
  const auto score = parse_number(text);
  if (!score || *score < low || *score > high)
    lines.fail(cat("expected a score in [", low, ", ", high, "], found '", io::printable(text, 64), "'"));
  return *score;
}

Label json_label(const LineFile& lines, const nlohmann::json& value, std::span<const std::string> names,
                 bool regression, double low, double high) {
  if (value.is_null() || (value.is_number() && value == -1)) return {};
  if (regression) {
    if (!value.is_number()) lines.fail("the label is no number");
    const double score = value.get<double>();
    if (!std::isfinite(score) || score < low || score > high)
      lines.fail(cat("expected a score in [", low, ", ", high, "], found ", score));
    return score;
  }
  if (value.is_number_unsigned() && value.get<std::uint64_t>() < names.size()) return value.get<std::int64_t>();
  if (value.is_string())
    if (const auto index = index_of(names, value.get_ref<const std::string&>())) return *index;
  lines.fail(cat("the label ", io::printable(value.dump(), 64), " is none of ", list_of(names), " and no index below ",
                 names.size()));
}

std::string list_of(std::span<const std::string> names) {
  constexpr std::size_t kMost = 20;
  const std::string text = joined(names.first(std::min(names.size(), kMost)), ", ",
                                  [](const std::string& name) { return io::printable(name, 64); });
  return names.size() > kMost ? text + ", ..." : text;
}

}  // namespace frugal::datasets
