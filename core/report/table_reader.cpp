#include "core/report/table_reader.h"

#include <algorithm>
#include <set>

#include "core/config/compose.h"
#include "core/config/did_you_mean.h"
#include "core/config/edit.h"
#include "core/config/yaml.h"
#include "core/error.h"
#include "core/io/resources.h"
#include "core/report/table_format.h"

namespace frugal::report {
namespace {

namespace fs = std::filesystem;

// The file's keys over those of the part that it includes: maps merge, lists and values replace.
config::NodePtr with_include(const fs::path& file) {
  config::NodePtr root = config::load_yaml_file(file);
  const config::NodePtr include = root->is_dict() ? root->find("include") : nullptr;
  if (!include || !include->is_string()) return root;
  fs::path part = file.parent_path() / include->text;
  if (!include->text.ends_with(".yaml")) part = io::resource_root() / "configs/table_part" / (include->text + ".yaml");
  if (!fs::is_regular_file(part))
    throw Error(ErrorKind::kUsage, "bad_table", cat("there is no file ", part.string()), include->mark.text(),
                "`include` names configs/table_part/NAME.yaml, or a FILE.yaml beside this one");
  config::NodePtr merged = config::load_yaml_file(part);
  if (!merged->is_dict() || merged->find("include"))
    throw Error(ErrorKind::kUsage, "bad_table", "an included part holds keys of a table and includes no other",
                part.string());
  config::merge(*merged, *root, /*strict=*/false);
  return merged;
}

class Reader {
 public:
  Reader(const fs::path& file, const std::string& name) : root_(with_include(file)) {
    spec_.file = file;
    spec_.name = name;
  }

  TableSpec read(const std::string& scale) {
    const format::Table raw = format::table_options().read(config::to_json(*config::resolve(root_)), "", place());
    spec_.paper = raw.paper;
    spec_.number = raw.number;
    spec_.caption = raw.caption;
    spec_.source = raw.source;
    spec_.experiment = raw.experiment;
    spec_.overrides = raw.overrides;
    spec_.seeds = raw.seeds;
    spec_.baselines = raw.baselines;
    if (raw.experiment.empty()) fail("experiment", "the table names no experiment");
    if (raw.seeds.empty()) fail("seeds", "a table needs at least one seed");
    read_scales(raw, scale);
    read_stages(raw.stages);
    read_rows(raw.rows);
    require_list(raw.columns, "columns", *this);
    read_columns(raw.columns, "columns");
    read_columns(raw.more_columns, "more_columns");
    read_paper_values(raw);
    spec_.tuning = format::tuning_options().read(raw.tuning, "tuning", place());
    read_checks(raw.checks);
    for (const std::string& row : spec_.baselines) require(rows_, row, "baselines", "row");
    std::erase_if(spec_.baselines, [&](const auto& row) { return is_left_out(row); });
    return std::move(spec_);
  }

 private:
  Locator place() const {
    return [this](std::string_view key) {
      while (key.starts_with('.')) key.remove_prefix(1);
      const config::NodePtr node = config::select(root_, key);
      return node && node->mark.known() ? node->mark.text() : cat(spec_.file.string(), ": ", key);
    };
  }
  [[noreturn]] void fail(const std::string& key, const std::string& message) const {
    throw Error(ErrorKind::kUsage, "bad_table", message, place()(key), "docs/tables.md has the format");
  }
  static void require_list(const Json& list, const std::string& what, const Reader& reader) {
    if (!list.is_array() || list.empty()) reader.fail(what, cat("`", what, "` must be a list with at least one entry"));
  }
  void require(const std::set<std::string>& known, const std::string& name, const std::string& key,
               const std::string& what) const {
    if (known.contains(name)) return;
    const std::string hint = did_you_mean(name, {known.begin(), known.end()});
    fail(key, cat("there is no ", what, " '", name, "'", hint.empty() ? "" : "; ", hint));
  }
  bool is_left_out(const std::string& row) const {
    return std::find(spec_.left_out.begin(), spec_.left_out.end(), row) != spec_.left_out.end();
  }

  std::vector<std::string> texts(const Json& list, const std::string& path, const char* what) const {
    if (!list.is_array()) fail(path, cat(what, " are a list of texts"));
    std::vector<std::string> all;
    for (const Json& text : list) {
      if (!text.is_string()) fail(path, cat("an override is a text, found ", text.dump()));
      all.push_back(text.get<std::string>());
    }
    return all;
  }
  void check_scales_of(const Json& map, const std::string& path, const char* also) const {
    for (const auto& [key, value] : map.items())
      if (key != "full" && key != "small" && key != also)
        fail(cat(path, ".", key),
             cat("expected `full`, `small`", *also != 0 ? cat(" or `", also, "`") : "", ", found `", key, "`"));
  }

  // A list of overrides, or {always: [...], full: [...], small: [...]}: those of every scale, then those of this one.
  std::vector<std::string> scaled(const Json& value, const std::string& path) const {
    if (!value.is_object()) return texts(value, path, "overrides");
    check_scales_of(value, path, "always");
    std::vector<std::string> all;
    for (const std::string& key : {std::string("always"), spec_.scale})
      if (value.contains(key)) {
        const auto more = texts(value[key], cat(path, ".", key), "overrides");
        all.insert(all.end(), more.begin(), more.end());
      }
    return all;
  }

  // A text, or {full: TEXT, small: TEXT}.
  std::string scaled_text(const Json& value, const std::string& path) const {
    if (value.is_null()) return {};
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_object()) fail(path, cat("expected a text, or one a scale, found ", value.dump()));
    check_scales_of(value, path, "");
    return value.contains(spec_.scale) ? scaled_text(value[spec_.scale], cat(path, ".", spec_.scale)) : std::string();
  }

  void read_scales(const format::Table& raw, const std::string& scale) {
    for (const auto& [name, overrides] : raw.scales.items()) {
      if (name != "full" && name != "small") fail("scales." + name, "a scale is `full` or `small`");
      if (overrides.is_null()) continue;  // the part has it, this table has not
      spec_.scales[name] = texts(overrides, "scales." + name, "overrides of a scale");
    }
    if (spec_.scales.empty()) spec_.scales[raw.default_scale] = {};
    if (!spec_.scales.contains(raw.default_scale))
      fail("default_scale", cat("`scales` has no '", raw.default_scale, "'"));
    spec_.scale = scale.empty() ? raw.default_scale : scale;
    if (!spec_.scales.contains(spec_.scale))
      throw Error(ErrorKind::kUsage, "bad_value", cat("this table has no scale '", spec_.scale, "'"), "--scale",
                  spec_.scales.begin()->first);
  }

  void read_stages(const Json& stages) {
    for (const auto& [name, value] : stages.items()) {
      const std::string path = "stages." + name;
      if (name == "cells") fail(path, "`cells` names the runs that are no stage's; call the stage otherwise");
      const format::Stage raw = format::stage_options().read(value, path, place());
      spec_.stages[name] = {.from = raw.from,
                            .overrides = scaled(raw.overrides, path + ".overrides"),
                            .data = scaled_text(raw.data, path + ".data"),
                            .where = place()(path)};
      stages_.insert(name);
    }
    for (const auto& [name, stage] : spec_.stages)
      if (!stage.from.empty()) require(stages_, stage.from, cat("stages.", name, ".from"), "stage");
    for (const auto& [name, stage] : spec_.stages) {
      std::string circle = name;
      std::set<std::string> seen = {name};
      for (std::string at = stage.from; !at.empty(); at = spec_.stages.at(at).from) {
        circle += " from " + at;
        if (!seen.insert(at).second) fail(cat("stages.", name, ".from"), cat("stages in a circle: ", circle));
      }
    }
  }

  void read_rows(const Json& list) {
    require_list(list, "rows", *this);
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string path = cat("rows[", i, "]");
      const format::Row raw = format::row_options().read(list[i], path, place());
      if (raw.name.empty() || !rows_.insert(raw.name).second) fail(path, "every row needs a name of its own");
      TableRow row{.name = raw.name,
                   .title = raw.title.empty() ? raw.name : raw.title,
                   .overrides = scaled(raw.overrides, path + ".overrides"),
                   .from = scaled_text(raw.from, path + ".from"),
                   .stage_values = {},
                   .tune = {},
                   .status = raw.status,
                   .reason = raw.reason};
      if (!raw.tune.empty()) row.tune = read_grid(raw.tune, path + ".tune");
      read_row_stages(raw, row, path);
      if (raw.scale.empty() || raw.scale == spec_.scale)
        spec_.rows.push_back(std::move(row));
      else
        spec_.left_out.push_back(raw.name);
    }
    if (spec_.rows.empty()) fail("rows", cat("no row has scale '", spec_.scale, "'"));
  }

  void read_row_stages(const format::Row& raw, TableRow& row, const std::string& path) const {
    if (!row.from.empty()) require(stages_, row.from, path + ".from", "stage");
    if (!row.from.empty() && row.tune)
      fail(path + ".tune", "a row that starts from a stage tunes nothing: try the stage's keys in rows of their own");
    if (!raw.stages.is_object()) fail(path + ".stages", "`stages` of a row is stage -> overrides");
    const std::vector<std::string> chain = stage_chain(spec_, row);
    for (const auto& [stage, overrides] : raw.stages.items()) {
      const std::string key = cat(path, ".stages.", stage);
      require(stages_, stage, key, "stage");
      const bool passes = std::find(chain.begin(), chain.end(), stage) != chain.end();
      // With a `from` a scale, the stages of the other scale stand here, too.
      if (!passes && !raw.from.is_object()) fail(key, cat("row '", row.name, "' does not go through stage ", stage));
      const auto values = scaled(overrides, key);
      if (passes) row.stage_values[stage] = values;
    }
  }

  TuneGrid read_grid(const Json& tune, const std::string& path) const {
    if (!tune.is_object() || tune.size() != 1 || !tune.begin()->is_array() || tune.begin()->empty())
      fail(path, "`tune` must be one key with a list of values, e.g. {experiment.learning_rate: [1e-4, 3e-4]}");
    TuneGrid grid{.key = tune.begin().key(), .values = {}};
    for (const Json& value : *tune.begin())
      grid.values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
    return grid;
  }

  void read_columns(const Json& list, const char* key) {
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string path = cat(key, "[", i, "]");
      const format::Column raw = format::column_options().read(list[i], path, place());
      const TableColumn& keys = raw;
      TableColumn column = keys;
      column.overrides = scaled(raw.scaled_overrides, path + ".overrides");
      for (const std::string& part : column.average_of) require(columns_, part, path + ".average_of", "column above");
      if (!column.stage.empty()) require(stages_, column.stage, path + ".stage", "stage");
      if (!column.stage.empty() && !column.overrides.empty())
        fail(path + ".overrides", "a column of a stage reads the stage's run and has no runs of its own");
      if (column.name.empty() || !columns_.insert(column.name).second)
        fail(path, "every column needs a name of its own");
      if (column.title.empty()) column.title = column.name;
      if (column.metric.empty()) column.metric = column.name;
      spec_.columns.push_back(std::move(column));
    }
  }

  void read_paper_values(const format::Table& raw) {
    for (const std::string& column : raw.paper_columns) require(columns_, column, "paper_columns", "column");
    for (const auto& [row, values] : raw.paper_values.items()) {
      const std::string path = "paper_values." + row;
      require(rows_, row, path, "row");
      if (values.is_array()) {
        if (values.size() != raw.paper_columns.size())
          fail(path, cat("`paper_columns` names ", raw.paper_columns.size(), " columns, this row has ", values.size(),
                         " values"));
        for (size_t i = 0; i < values.size(); ++i)
          read_paper_value(row, raw.paper_columns[i], values[i], cat(path, "[", i, "]"), raw.certainty);
        continue;
      }
      for (const auto& [column, value] : values.items())
        read_paper_value(row, column, value, cat(path, ".", column), raw.certainty);
    }
  }

  void read_paper_value(const std::string& row, const std::string& column, const Json& value, const std::string& path,
                        const std::string& certainty) {
    require(columns_, column, path, "column");
    if (value.is_null()) return;  // not printed
    PaperValue& printed = spec_.paper_values[row][column];
    if (value.is_number()) {
      printed = {.value = value.get<double>(), .certainty = certainty};
      return;
    }
    if (!value.is_object() || !value.contains("value")) fail(path, "a paper's value is V, or {value: V, certainty: C}");
    printed = format::paper_value_options().read(value, path, place());
    if (printed.certainty.empty()) printed.certainty = certainty;
  }

  void read_checks(const Json& list) {
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string path = cat("checks[", i, "]");
      const TableCheck check = format::check_options().read(list[i], path, place());
      require(rows_, check.row, path, "row");
      require(columns_, check.column, path, "column");
      if (!check.relative_to.empty()) require(rows_, check.relative_to, path, "row");
      if (!check.at_least && !check.at_most) fail(path, "a check needs at_least or at_most");
      spec_.checks.push_back(check);
    }
  }

  config::NodePtr root_;
  TableSpec spec_;
  std::set<std::string> rows_, columns_, stages_;
};

}  // namespace

TableSpec read_table(const fs::path& file, const std::string& name, const std::string& scale) {
  return Reader(file, name).read(scale);
}

}  // namespace frugal::report
