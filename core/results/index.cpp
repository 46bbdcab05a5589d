#include "core/results/index.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "core/io/unfinished_file.h"
#include "core/results/aggregate.h"
#include "core/results/hdf5.h"
#include "core/results/run_file.h"
#include "core/results/table.h"

namespace frugal::results {

namespace fs = std::filesystem;
using nlohmann::json;

std::vector<fs::path> find_run_files(const fs::path& folder) {
  std::vector<fs::path> files;
  if (fs::is_regular_file(folder)) return {folder};
  if (!fs::is_directory(folder)) io::throw_errno(ENOENT, "look for runs", folder);
  for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied))
    if (entry.is_regular_file() && entry.path().filename() == kRunFileName) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<RunEntry> scan_runs(const fs::path& folder) {
  std::vector<RunEntry> entries;
  for (const auto& path : find_run_files(folder)) {
    RunEntry entry{.path = path.lexically_relative(folder), .data = std::nullopt, .error = {}};
    try {
      entry.data = read_run_file(path, Parts::kSummary);
    } catch (const Error& error) {
      entry.error = error.message();
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

namespace {

void add_leaves(const json& node, const std::string& path, std::map<std::string, std::string>& leaves) {
  if (node.is_object() && !node.empty()) {
    for (const auto& [key, value] : node.items())
      if (!path.empty() || (key != "hydra" && key != "user"))
        add_leaves(value, path.empty() ? key : cat(path, ".", key), leaves);
    return;
  }
  leaves[path] = node.is_string() ? node.get<std::string>() : node.dump(-1, ' ', false, json::error_handler_t::replace);
}

constexpr std::size_t kMostColumns = 400;  // an earliest-format table holds 600 to 800

using Leaves = std::map<std::string, std::string>;

// What the runs have, gathered before the columns are chosen.
struct Survey {
  std::vector<Leaves> leaves;        // one a run
  std::set<std::string> groups;      // config groups with a choice
  std::vector<std::string> metrics;  // in order of first appearance
  std::set<std::string> varying;     // paths of leaves
  std::map<std::string, std::string> same;
};

bool overridden(const RunData& data, const std::string& path) {
  return std::any_of(data.open.overrides.begin(), data.open.overrides.end(), [&](const std::string& text) {
    const auto begin = text.find_first_not_of('+');
    const auto equals = text.find('=');
    return begin != text.npos && equals != text.npos && text.substr(begin, equals - begin) == path;
  });
}

Survey survey(const std::vector<RunEntry>& entries) {
  Survey found;
  std::set<std::string> paths;
  for (const auto& entry : entries) {
    found.leaves.push_back(entry.data ? config_leaves(entry.data->open.config_json) : Leaves{});
    for (const auto& [path, value] : found.leaves.back()) paths.insert(path);
    if (!entry.data) continue;
    for (const auto& [group, option] : entry.data->open.choices)
      if (!group.starts_with("hydra/") && group != "hydra") found.groups.insert(group);
    for (const auto& metric : entry.data->metrics)
      if (std::find(found.metrics.begin(), found.metrics.end(), metric.name) == found.metrics.end())
        found.metrics.push_back(metric.name);
  }
  for (const auto& path : paths) {
    std::set<std::string> values;
    bool wanted = false;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!entries[i].data) continue;
      const auto leaf = found.leaves[i].find(path);
      values.insert(leaf == found.leaves[i].end() ? std::string("\x01 missing") : leaf->second);
      wanted = wanted || overridden(*entries[i].data, path);
    }
    if (values.size() > 1 || wanted) {
      found.varying.insert(path);
    } else {
      found.same[path] = *values.begin();
    }
  }
  return found;
}

// The shortest end of a dotted path that no other column has.
std::string short_name(const std::string& path, const std::set<std::string>& all_paths,
                       const std::set<std::string>& taken) {
  for (auto dot = path.rfind('.');; dot = path.rfind('.', dot - 1)) {
    const std::string end = dot == path.npos ? path : path.substr(dot + 1);
    const auto same_end = std::count_if(all_paths.begin(), all_paths.end(), [&](const std::string& other) {
      return other == end || other.ends_with("." + end);
    });
    if (same_end == 1 && !taken.contains(end)) return end;
    if (dot == path.npos || dot == 0) return taken.contains(path) ? "config." + path : path;
  }
}

// Numbers if every run that has the value has a number: whole ones only if no run lacks it.
ColumnType type_of(const std::vector<std::optional<std::string>>& values) {
  bool whole = true, number = true;
  for (const auto& value : values) {
    if (!value) {
      whole = false;
      continue;
    }
    const json parsed = json::parse(*value, nullptr, false);
    number = number && parsed.is_number();
    whole = whole && parsed.is_number_integer();
  }
  return whole ? ColumnType::kInt64 : number ? ColumnType::kDouble : ColumnType::kString;
}

Value value_as(const std::optional<std::string>& value, ColumnType type) {
  if (type == ColumnType::kString) return value.value_or("");
  if (!value) return std::numeric_limits<double>::quiet_NaN();
  const json parsed = json::parse(*value);
  return type == ColumnType::kInt64 ? Value(parsed.get<std::int64_t>()) : Value(parsed.get<double>());
}

void add_column(RunTable& table, Column column, const std::function<Value(std::size_t)>& cell) {
  table.columns.push_back(std::move(column));
  for (std::size_t i = 0; i < table.rows.size(); ++i) table.rows[i].push_back(cell(i));
}

void add_identity(RunTable& table, const std::vector<RunEntry>& entries) {
  const auto text = [](const char* name, const char* description) {
    return Column{.name = name, .type = ColumnType::kString, .description = description};
  };
  add_column(table, text("file", "result file, relative to this one"),
             [&](std::size_t i) { return entries[i].path.string(); });
  add_column(table, text("run_id", ""),
             [&](std::size_t i) { return entries[i].data ? entries[i].data->open.run_id : ""; });
  add_column(table, text("status", ""), [&](std::size_t i) -> Value {
    return entries[i].data ? name(entries[i].data->state()) : std::string_view("damaged");
  });
  add_column(table, text("message", "why a run failed, or its file cannot be read"), [&](std::size_t i) -> Value {
    if (!entries[i].data) return entries[i].error;
    return entries[i].data->states.empty() ? std::string() : entries[i].data->states.back().message;
  });
}

void add_leaf(RunTable& table, const Survey& found, const std::string& path, const std::string& column) {
  std::vector<std::optional<std::string>> values;
  for (const auto& leaves : found.leaves) {
    const auto leaf = leaves.find(path);
    values.push_back(leaf == leaves.end() ? std::nullopt : std::optional(leaf->second));
  }
  const ColumnType type = type_of(values);
  add_column(table, {.name = column, .type = type, .description = "config: " + path},
             [&](std::size_t i) { return value_as(values[i], type); });
}

void add_metrics(RunTable& table, const std::vector<RunEntry>& entries, const Survey& found) {
  for (const auto& metric_name : found.metrics) {
    std::string unit;
    for (const auto& entry : entries)
      if (const Metric* metric = entry.data ? entry.data->find_metric(metric_name) : nullptr) unit = metric->unit;
    add_column(table, {.name = metric_name, .unit = unit, .description = "metric"}, [&](std::size_t i) -> Value {
      const Metric* metric = entries[i].data ? entries[i].data->find_metric(metric_name) : nullptr;
      return metric == nullptr ? std::numeric_limits<double>::quiet_NaN() : metric->value;
    });
  }
}

}  // namespace

std::map<std::string, std::string> config_leaves(const std::string& config_json) {
  std::map<std::string, std::string> leaves;
  const json config = json::parse(config_json, nullptr, false);
  if (config.is_object()) add_leaves(config, "", leaves);
  leaves.erase("");
  return leaves;
}

RunTable run_table(const std::vector<RunEntry>& entries) {
  Survey found = survey(entries);
  RunTable table;
  table.rows.resize(entries.size());
  add_identity(table, entries);
  std::set<std::string> taken = {"file", "run_id", "status", "message", "config"};
  taken.insert(found.metrics.begin(), found.metrics.end());
  for (const auto& group : found.groups) {
    if (!taken.insert(group).second) continue;
    add_column(table,
               {.name = group, .type = ColumnType::kString, .description = "option chosen for this config group"},
               [&](std::size_t i) { return entries[i].data ? entries[i].data->choice(group) : ""; });
  }
  std::set<std::string> all_paths = found.varying;
  for (const auto& [path, value] : found.same) all_paths.insert(path);
  for (const auto& path : found.varying) {
    if (table.columns.size() + found.metrics.size() >= kMostColumns) break;
    const std::string column = short_name(path, all_paths, taken);
    taken.insert(column);
    add_leaf(table, found, path, column);
  }
  add_metrics(table, entries, found);
  add_column(table, {.name = "config", .type = ColumnType::kString, .description = "the whole config, JSON"},
             [&](std::size_t i) { return entries[i].data ? entries[i].data->open.config_json : ""; });
  return table;
}

namespace {

h5::Handle write_data_set(hid_t file, const std::string& name, const RunTable& table, std::string_view description) {
  std::vector<h5::TableColumn> columns;
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    columns.push_back({.name = table.columns[c].name,
                       .type = table.columns[c].type,
                       .cell = [&table, c](std::size_t row) { return table.rows[row][c]; }});
  return h5::write_table(file, name, columns, table.rows.size(), description);
}

}  // namespace

void write_runs_table(std::int64_t file, const RunTable& table) {
  const h5::Handle runs =
      write_data_set(file, "runs", table, "one row a run: what differs between them, and their metrics");
  json units = json::object();
  for (const auto& column : table.columns)
    if (!column.unit.empty()) units[column.name] = column.unit;
  h5::set_attribute(runs, "units", units.dump(-1, ' ', false, json::error_handler_t::replace));
}

namespace {

void write_links(hid_t file, const std::vector<RunEntry>& entries) {
  const h5::Handle group = h5::create_group(file, "files");
  h5::set_attribute(group, "description", "external links to the result files, relative to this one");
  const h5::Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "set up links");
  h5::check(H5Pset_create_intermediate_group(links, 1), "set up links");
  for (const auto& entry : entries) {
    const std::string name = entry.path.parent_path().empty() ? std::string(".run") : entry.path.parent_path().string();
    h5::check(H5Lcreate_external(entry.path.c_str(), "/", group, (name + "/run").c_str(), links, H5P_DEFAULT),
              "link " + name);
  }
}

}  // namespace

fs::path write_index(const fs::path& folder, const std::vector<RunEntry>& entries) {
  const fs::path path = folder / kIndexName;
  const io::UnfinishedFile temporary(folder / cat("index.h5.tmp.", ::getpid()));
  {
    const auto lock = h5::library_lock();
    const h5::Handle file = h5::create_file(temporary.path());
    h5::set_attribute(file, "format", "frugal-index");
    h5::set_attribute(file, "format_version", 1);
    h5::set_attribute(file, "default", "/runs");
    write_runs_table(file, run_table(entries));
    if (const auto repeated = aggregate(entries); !repeated.empty())
      write_data_set(file, "aggregate", aggregate_table(repeated), "mean and spread over the seeds of each config");
    write_links(file, entries);
    h5::check(H5Fflush(file, H5F_SCOPE_GLOBAL), "flush the index");
  }
  io::publish(temporary.path(), path);
  return path;
}

}  // namespace frugal::results
