#include "core/report/table_spec.h"

#include <algorithm>
#include <set>

#include "core/config/compose.h"
#include "core/config/yaml.h"
#include "core/error.h"
#include "core/io/resources.h"

namespace frugal::report {
namespace {

namespace fs = std::filesystem;

// The file as it stands: lists and maps of the table are read one by one with a table of options each.
struct Raw {
  std::string paper, number, caption, source, experiment, default_scale = "small";
  std::vector<std::string> overrides, baselines;
  std::vector<int64_t> seeds = {0};
  Json rows = Json::array(), columns = Json::array(), paper_values = Json::object(), scales = Json::object();
  Json tuning = Json::object(), checks = Json::array();
};

const OptionTable<Raw>& raw_options() {
  static const auto table =
      OptionTable<Raw>("table")
          .add("paper", &Raw::paper, {.help = "short name of the paper"})
          .add("number", &Raw::number, {.help = "number of the table in the paper"})
          .add("caption", &Raw::caption, {.help = "what the table shows"})
          .add("source", &Raw::source, {.help = "where the paper's values come from"})
          .add("experiment", &Raw::experiment, {.help = "option of configs/experiment"})
          .add("overrides", &Raw::overrides, {.help = "of every run"})
          .add("rows", &Raw::rows, {.help = "one a method"})
          .add("columns", &Raw::columns, {.help = "one a figure"})
          .add("paper_values", &Raw::paper_values, {.help = "row -> column -> {value, certainty}"})
          .add("scales", &Raw::scales, {.help = "full, small -> overrides"})
          .add("default_scale", &Raw::default_scale, {.help = "scale without --scale", .choices = {"full", "small"}})
          .add("seeds", &Raw::seeds, {.help = "one run each"})
          .add("baselines", &Raw::baselines, {.help = "rows that the others are compared with"})
          .add("tuning", &Raw::tuning, {.help = "how rows with `tune` choose"})
          .add("checks", &Raw::checks, {.help = "what must hold of the finished table"});
  return table;
}

const OptionTable<TableColumn>& column_options() {
  using C = TableColumn;
  static const auto table =
      OptionTable<C>("column")
          .add("name", &C::name, {.help = "identifier"})
          .add("title", &C::title, {.help = "heading"})
          .add("metric", &C::metric, {.help = "metric of the runs"})
          .add("unit", &C::unit, {.help = "unit of the shown value"})
          .add("factor", &C::factor, {.help = "shown value = metric * factor"})
          .add("direction", &C::direction, {.help = "which is better", .choices = {"", "higher", "lower"}})
          .add("digits", &C::digits, {.help = "after the point", .min = 0, .max = 12})
          .add("overrides", &C::overrides, {.help = "of the column's runs"})
          .add("average_of", &C::average_of, {.help = "columns whose mean this is"})
          .add("tolerance", &C::tolerance, {.help = "distance that still reproduces the paper", .min = 0});
  return table;
}

struct RawRow {
  std::string name, title, status, reason;
  std::vector<std::string> overrides;
  Json tune = Json::object();
};

const OptionTable<RawRow>& row_options() {
  using R = RawRow;
  static const auto table =
      OptionTable<R>("row")
          .add("name", &R::name, {.help = "identifier"})
          .add("title", &R::title, {.help = "as printed"})
          .add("overrides", &R::overrides, {.help = "of the row's runs"})
          .add("tune", &R::tune, {.help = "{key: [values]} to choose from"})
          .add("status", &R::status,
               {.help = "why it cannot run", .choices = {"", "needs-weights", "needs-device", "needs-data"}})
          .add("reason", &R::reason, {.help = "the same in words"});
  return table;
}

const OptionTable<Tuning>& tuning_options() {
  static const auto table =
      OptionTable<Tuning>("tuning")
          .add("metric", &Tuning::metric, {.help = "that chooses"})
          .add("direction", &Tuning::direction, {.help = "which is better", .choices = {"higher", "lower"}})
          .add("seed", &Tuning::seed, {.help = "of the runs that try values", .min = 0})
          .add("overrides", &Tuning::overrides, {.help = "of these runs"});
  return table;
}

const OptionTable<TableCheck>& check_options() {
  using C = TableCheck;
  static const auto table = OptionTable<C>("check")
                                .add("row", &C::row, {.help = "row of the cell"})
                                .add("column", &C::column, {.help = "column of the cell"})
                                .add("relative_to", &C::relative_to, {.help = "row that it is divided by"})
                                .add("at_least", &C::at_least, {.help = "lower bound"})
                                .add("at_most", &C::at_most, {.help = "upper bound"});
  return table;
}

const OptionTable<PaperValue>& paper_options() {
  using P = PaperValue;
  static const auto table =
      OptionTable<P>("paper value")
          .add("value", &P::value, {.help = "as printed"})
          .add("certainty", &P::certainty,
               {.help = "how we know", .choices = {"", "paper", "page", "code", "memory", "unverified"}});
  return table;
}

class Reader {
 public:
  Reader(fs::path file, std::string name) : root_(config::load_yaml_file(file)) {
    spec_.file = std::move(file);
    spec_.name = std::move(name);
  }

  TableSpec read() {
    const Raw raw = raw_options().read(config::to_json(*config::resolve(root_)), "", place());
    spec_.paper = raw.paper;
    spec_.number = raw.number;
    spec_.caption = raw.caption;
    spec_.source = raw.source;
    spec_.experiment = raw.experiment;
    spec_.overrides = raw.overrides;
    spec_.default_scale = raw.default_scale;
    spec_.seeds = raw.seeds;
    spec_.baselines = raw.baselines;
    if (raw.experiment.empty()) fail("experiment", "the table names no experiment");
    if (raw.seeds.empty()) fail("seeds", "a table needs at least one seed");
    read_rows(raw.rows);
    read_columns(raw.columns);
    read_paper_values(raw.paper_values);
    read_scales(raw.scales);
    spec_.tuning = tuning_options().read(raw.tuning, "tuning", place());
    read_checks(raw.checks);
    for (const std::string& row : spec_.baselines) require(rows_, row, "baselines", "row");
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
    const std::string near = nearest_name(name, {known.begin(), known.end()});
    fail(key, cat("there is no ", what, " '", name, "'", near.empty() ? "" : cat("; did you mean '", near, "'?")));
  }

  void read_rows(const Json& list) {
    require_list(list, "rows", *this);
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string path = cat("rows[", i, "]");
      RawRow raw = row_options().read(list[i], path, place());
      if (raw.name.empty() || !rows_.insert(raw.name).second) fail(path, "every row needs a name of its own");
      TableRow row{.name = raw.name,
                   .title = raw.title.empty() ? raw.name : raw.title,
                   .overrides = raw.overrides,
                   .tune = {},
                   .status = raw.status,
                   .reason = raw.reason};
      if (!raw.tune.empty()) row.tune = read_grid(raw.tune, path + ".tune");
      spec_.rows.push_back(std::move(row));
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

  void read_columns(const Json& list) {
    require_list(list, "columns", *this);
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string path = cat("columns[", i, "]");
      TableColumn column = column_options().read(list[i], path, place());
      for (const std::string& part : column.average_of) require(columns_, part, path + ".average_of", "column above");
      if (column.name.empty() || !columns_.insert(column.name).second)
        fail(path, "every column needs a name of its own");
      if (column.title.empty()) column.title = column.name;
      if (column.metric.empty()) column.metric = column.name;
      spec_.columns.push_back(std::move(column));
    }
  }

  void read_paper_values(const Json& by_row) {
    for (const auto& [row, by_column] : by_row.items()) {
      require(rows_, row, "paper_values." + row, "row");
      for (const auto& [column, value] : by_column.items()) {
        const std::string path = cat("paper_values.", row, ".", column);
        require(columns_, column, path, "column");
        if (!value.is_object() || !value.contains("value")) fail(path, "a paper's value is {value: V, certainty: C}");
        spec_.paper_values[row][column] = paper_options().read(value, path, place());
      }
    }
  }

  void read_scales(const Json& scales) {
    for (const auto& [scale, overrides] : scales.items()) {
      if (scale != "full" && scale != "small") fail("scales." + scale, "a scale is `full` or `small`");
      std::vector<std::string>& texts = spec_.scales[scale];
      if (!overrides.is_array()) fail("scales." + scale, "a scale is a list of overrides");
      for (const Json& text : overrides) {
        if (!text.is_string()) fail("scales." + scale, "an override is a text");
        texts.push_back(text.get<std::string>());
      }
    }
    if (spec_.scales.empty()) spec_.scales[spec_.default_scale] = {};
    if (!spec_.scales.contains(spec_.default_scale))
      fail("default_scale", cat("`scales` has no '", spec_.default_scale, "'"));
  }

  void read_checks(const Json& list) {
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string path = cat("checks[", i, "]");
      const TableCheck check = check_options().read(list[i], path, place());
      require(rows_, check.row, path, "row");
      require(columns_, check.column, path, "column");
      if (!check.relative_to.empty()) require(rows_, check.relative_to, path, "row");
      if (!check.at_least && !check.at_most) fail(path, "a check needs at_least or at_most");
      spec_.checks.push_back(check);
    }
  }

  config::NodePtr root_;
  TableSpec spec_;
  std::set<std::string> rows_, columns_;
};

}  // namespace

std::vector<std::string> table_names() {
  const fs::path folder = io::resource("configs/table");
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".yaml")
      names.push_back(fs::relative(entry.path(), folder).replace_extension().string());
  std::sort(names.begin(), names.end());
  return names;
}

TableSpec load_table(const std::string& name) {
  if (name.ends_with(".yaml")) {
    if (!fs::exists(name)) throw Error(ErrorKind::kUsage, "unknown_table", "there is no such file", name);
    return Reader(name, fs::path(name).stem().string()).read();
  }
  const std::vector<std::string> names = table_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    const std::string near = nearest_name(name, names);
    throw Error(ErrorKind::kUsage, "unknown_table", cat("there is no table '", name, "'"), {},
                near.empty() ? "frugal list tables" : cat("did you mean '", near, "'?"));
  }
  return Reader(io::resource("configs/table") / (name + ".yaml"), name).read();
}

}  // namespace frugal::report
