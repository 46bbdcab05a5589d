#include "core/results/compare.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "core/error.h"
#include "core/results/index.h"

namespace frugal::results {
namespace {

using Leaves = std::map<std::string, std::string>;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::kCheckFailed, "not_comparable", cat("these runs cannot be compared: ", why));
}

std::multiset<std::string> dataset_hashes(const RunData& data) {
  std::multiset<std::string> hashes;
  for (const auto& input : data.inputs)
    if (input.role.starts_with("data") || input.role.starts_with("prompt"))
      hashes.insert(input.role + " " + input.sha256);
  return hashes;
}

bool decides_scores(const std::string& path) {
  for (const std::string node : {"data", "dataset", "metrics"})
    if (path == node || path.starts_with(node + ".")) return true;
  return false;
}

// A place where data sets lie differs from machine to machine; what lies there is told by the inputs' hashes.
bool is_place(const std::string& path) {
  const auto dot = path.rfind('.');
  const std::string last = path.substr(dot == path.npos ? 0 : dot + 1);
  return last == "path" || last == "root" || last == "dir" || last == "cache";
}

std::vector<ConfigDifference> config_differences(const RunData& a, const RunData& b) {
  const Leaves left = config_leaves(a.open.config_json);
  const Leaves right = config_leaves(b.open.config_json);
  std::set<std::string> keys;
  for (const auto& [key, value] : left) keys.insert(key);
  for (const auto& [key, value] : right) keys.insert(key);
  const auto at = [](const Leaves& leaves, const std::string& key) {
    const auto found = leaves.find(key);
    return found == leaves.end() ? std::string() : found->second;
  };
  std::vector<ConfigDifference> differences;
  for (const auto& key : keys)
    if (at(left, key) != at(right, key)) differences.push_back({key, at(left, key), at(right, key)});
  return differences;
}

void check_comparable(const RunData& a, const RunData& b, const std::vector<ConfigDifference>& config) {
  if (dataset_hashes(a) != dataset_hashes(b)) refuse("they read different data (role and sha256 of the inputs differ)");
  for (const auto& difference : config)
    if (decides_scores(difference.key) && !is_place(difference.key))
      refuse(cat(difference.key, " is '", difference.a, "' and '", difference.b, "'"));
  if (a.choice("experiment") != b.choice("experiment"))
    refuse(cat("experiments ", a.choice("experiment"), " and ", b.choice("experiment")));
  Leaves left, right;
  for (const auto* side : {&a, &b})
    for (const auto& [key, value] : side->provenance)
      if (key.starts_with("prompt") || key.starts_with("scoring")) (side == &a ? left : right)[key] = value;
  for (const auto& [key, value] : left)
    if (!right.contains(key) || right[key] != value) refuse(cat(key, " differs"));
  for (const auto& [key, value] : right)
    if (!left.contains(key)) refuse(cat(key, " differs"));
}

double number_of(const Value& value) {
  if (const auto* d = std::get_if<double>(&value)) return *d;
  if (const auto* i = std::get_if<std::int64_t>(&value)) return static_cast<double>(*i);
  if (const auto* b = std::get_if<bool>(&value)) return *b ? 1 : 0;
  return std::nan("");
}

std::vector<double> numbers(const RunData& data, std::size_t column) {
  std::vector<double> values;
  for (const auto& sample : data.samples) values.push_back(number_of(sample.cells[column]));
  return values;
}

std::string id_of(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr ? *text : cat(number_of(value));
}

// For each row of a, the row of b with the same id; nothing where the samples do not match one to one.
std::optional<std::vector<std::size_t>> pair_rows(const RunData& a, const RunData& b) {
  if (a.samples.size() != b.samples.size() || a.samples.empty()) return std::nullopt;
  const auto id_a = a.column("id"), id_b = b.column("id");
  std::vector<std::size_t> rows(a.samples.size());
  if (id_a.has_value() != id_b.has_value()) return std::nullopt;
  std::map<std::string, std::size_t> of_b;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    rows[row] = row;
    if (id_b) of_b[id_of(b.samples[row].cells[*id_b])] = row;
  }
  if (!id_a) return rows;
  std::set<std::size_t> used;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto found = of_b.find(id_of(a.samples[row].cells[*id_a]));
    if (found == of_b.end() || !used.insert(found->second).second) return std::nullopt;
    rows[row] = found->second;
  }
  return rows;
}

class Bootstrap {
 public:
  // The mean of as many values as there are, drawn with replacement.
  double mean(const std::vector<double>& values) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[index(values.size())];
    return sum / static_cast<double>(values.size());
  }
  static int repetitions(std::size_t samples) {
    return static_cast<int>(std::clamp<std::size_t>(200'000'000 / std::max<std::size_t>(samples, 1), 1000, 10'000));
  }

 private:
  std::size_t index(std::size_t size) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::size_t>((Wide{random_()} * size) >> 64U);
  }
  std::mt19937_64 random_{20240229};
};

void set_interval(MetricDifference& difference, std::vector<double>& means) {
  std::sort(means.begin(), means.end());
  const auto at = [&](double share) {
    return means[static_cast<std::size_t>(share * static_cast<double>(means.size() - 1))];
  };
  difference.ci_low = at(0.025);
  difference.ci_high = at(0.975);
}

void paired_interval(MetricDifference& difference, const std::vector<double>& differences) {
  Bootstrap bootstrap;
  std::vector<double> means(static_cast<std::size_t>(Bootstrap::repetitions(differences.size())));
  for (auto& mean : means) mean = bootstrap.mean(differences);
  set_interval(difference, means);
  difference.how = cat("paired bootstrap over ", differences.size(), " samples");
}

void independent_interval(MetricDifference& difference, const std::vector<double>& a, const std::vector<double>& b) {
  Bootstrap bootstrap;
  std::vector<double> means(static_cast<std::size_t>(Bootstrap::repetitions(a.size() + b.size())));
  for (auto& mean : means) mean = bootstrap.mean(b) - bootstrap.mean(a);
  set_interval(difference, means);
  difference.how = cat("bootstrap over ", a.size(), " and ", b.size(), " samples");
}

void add_interval(MetricDifference& difference, const Metric& a, const Metric& b, const RunData& run_a,
                  const RunData& run_b, const std::optional<std::vector<std::size_t>>& pairs) {
  const auto column_a = run_a.column(a.sample_column), column_b = run_b.column(a.sample_column);
  if (!a.sample_column.empty() && a.sample_column == b.sample_column && column_a && column_b &&
      !run_a.samples.empty() && !run_b.samples.empty()) {
    const auto values_a = numbers(run_a, *column_a), values_b = numbers(run_b, *column_b);
    if (!pairs) return independent_interval(difference, values_a, values_b);
    std::vector<double> differences;
    for (std::size_t row = 0; row < values_a.size(); ++row)
      differences.push_back(values_b[(*pairs)[row]] - values_a[row]);
    return paired_interval(difference, differences);
  }
  if (a.standard_error && b.standard_error) {
    constexpr double kNormal95 = 1.959963984540054;
    const double width = kNormal95 * std::hypot(*a.standard_error, *b.standard_error);
    difference.ci_low = difference.difference - width;
    difference.ci_high = difference.difference + width;
    difference.how = "normal, from both standard errors";
    return;
  }
  difference.how = "no interval: neither a sample column nor standard errors";
}

}  // namespace

Comparison compare_runs(const RunData& a, const RunData& b, bool paired) {
  Comparison comparison;
  comparison.config = config_differences(a, b);
  check_comparable(a, b, comparison.config);
  const auto pairs = pair_rows(a, b);
  if (paired && !pairs)
    throw Error(ErrorKind::kCheckFailed, "not_paired",
                cat("the samples do not match one to one: ", a.samples.size(), " and ", b.samples.size(),
                    " rows, or different ids"));
  for (const auto& metric : a.metrics) {
    const Metric* other = b.find_metric(metric.name);
    if (other == nullptr) {
      comparison.only_a.push_back(metric.name);
      continue;
    }
    MetricDifference difference{.name = metric.name,
                                .unit = metric.unit,
                                .direction = metric.direction,
                                .a = metric.value,
                                .b = other->value,
                                .difference = other->value - metric.value,
                                .ci_low = {},
                                .ci_high = {},
                                .how = {}};
    if (metric.unit != other->unit)
      refuse(cat("metric ", metric.name, " is in '", metric.unit, "' and '", other->unit, "'"));
    add_interval(difference, metric, *other, a, b, pairs);
    comparison.metrics.push_back(std::move(difference));
  }
  for (const auto& metric : b.metrics)
    if (a.find_metric(metric.name) == nullptr) comparison.only_b.push_back(metric.name);
  return comparison;
}

}  // namespace frugal::results
