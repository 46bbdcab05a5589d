#include "core/results/aggregate.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace frugal::results {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Group {
  std::string key;
  std::vector<const RunData*> runs;
};

std::string key_without_seed(const RunData& data) {
  nlohmann::json config = nlohmann::json::parse(data.open.config_json, nullptr, false);
  if (!config.is_object()) return data.open.config_json;
  for (const char* node : {"seed", "hydra", "user"}) config.erase(node);
  return config.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string overrides_without_seed(const RunData& data) {
  std::string text;
  for (const auto& item : data.open.overrides) {
    const auto begin = item.find_first_not_of('+');
    if (begin != item.npos && item.substr(begin).starts_with("seed=")) continue;
    text += (text.empty() ? "" : " ") + item;
  }
  return text;
}

std::vector<Group> group(const std::vector<RunEntry>& entries) {
  std::vector<Group> groups;
  for (const auto& entry : entries) {
    if (!entry.data) continue;
    std::string key = key_without_seed(*entry.data);
    auto found = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.key == key; });
    if (found == groups.end()) found = groups.insert(groups.end(), {.key = std::move(key), .runs = {}});
    found->runs.push_back(&*entry.data);
  }
  return groups;
}

void summarise(Aggregate& row, const std::vector<double>& values) {
  row.n = static_cast<std::int64_t>(values.size());
  const auto n = static_cast<double>(values.size());
  for (const double value : values) row.mean += value / n;
  row.std = row.ci_low = row.ci_high = kNone;
  if (values.size() < 2) return;
  double squares = 0;
  for (const double value : values) squares += (value - row.mean) * (value - row.mean);
  row.std = std::sqrt(squares / (n - 1));
  const double t = boost::math::quantile(boost::math::students_t(n - 1), 0.975);
  row.ci_low = row.mean - t * row.std / std::sqrt(n);
  row.ci_high = row.mean + t * row.std / std::sqrt(n);
}

void add_group(const Group& group, std::vector<Aggregate>& rows) {
  std::vector<std::string> metrics;
  for (const RunData* run : group.runs)
    for (const auto& metric : run->metrics)
      if (std::find(metrics.begin(), metrics.end(), metric.name) == metrics.end()) metrics.push_back(metric.name);
  for (const auto& name : metrics) {
    Aggregate row{.overrides = overrides_without_seed(*group.runs.front()),
                  .metric = name,
                  .unit = {},
                  .runs = static_cast<std::int64_t>(group.runs.size())};
    std::vector<double> values;
    for (const RunData* run : group.runs) {
      const Metric* metric = run->state() == RunState::kDone ? run->find_metric(name) : nullptr;
      if (metric == nullptr || !std::isfinite(metric->value)) continue;
      row.unit = metric->unit;
      values.push_back(metric->value);
    }
    if (values.empty()) continue;
    summarise(row, values);
    rows.push_back(std::move(row));
  }
}

}  // namespace

std::vector<Aggregate> aggregate(const std::vector<RunEntry>& entries) {
  const auto groups = group(entries);
  std::vector<Aggregate> rows;
  for (const auto& one : groups)
    if (one.runs.size() > 1) add_group(one, rows);
  return rows;
}

RunTable aggregate_table(const std::vector<Aggregate>& rows) {
  RunTable table;
  for (const auto& [name, description] :
       {std::pair{"overrides", "of the runs, without the seed"}, std::pair{"metric", ""}, std::pair{"unit", ""}})
    table.columns.push_back({.name = name, .type = ColumnType::kString, .description = description});
  table.columns.push_back(
      {.name = "runs", .type = ColumnType::kInt64, .description = "of this config, whatever became of them"});
  table.columns.push_back({.name = "n", .type = ColumnType::kInt64, .description = "of them done, with a value"});
  table.columns.push_back({.name = "mean", .description = "over seeds"});
  table.columns.push_back({.name = "std", .description = "sample standard deviation, n - 1"});
  table.columns.push_back({.name = "ci_low", .description = "95 % interval of the mean, Student's t"});
  table.columns.push_back({.name = "ci_high", .description = "95 % interval of the mean, Student's t"});
  for (const auto& row : rows)
    table.rows.push_back(
        {row.overrides, row.metric, row.unit, row.runs, row.n, row.mean, row.std, row.ci_low, row.ci_high});
  return table;
}

}  // namespace frugal::results
