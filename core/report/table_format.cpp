#include "core/report/table_format.h"

#include "core/report/paper_table.h"

namespace frugal::report::format {
namespace {

const std::vector<std::string> kCertainties = {"", "paper", "page", "code", "derived", "memory", "unverified"};

const std::vector<std::string>& statuses() {
  static const auto names = [] {
    std::vector<std::string> all = {""};
    for (const CellStatus status : kDeclarableStatuses) all.emplace_back(name(status));
    return all;
  }();
  return names;
}

}  // namespace

const OptionTable<Table>& table_options() {
  using T = Table;
  static const auto table =
      OptionTable<T>("table")
          .add("include", &T::include, {.help = "configs/table_part/NAME.yaml whose keys these replace or extend"})
          .add("paper", &T::paper, {.help = "short name of the paper"})
          .add("number", &T::number, {.help = "number of the table in the paper"})
          .add("caption", &T::caption, {.help = "what the table shows"})
          .add("source", &T::source, {.help = "where the paper's values come from"})
          .add("experiment", &T::experiment, {.help = "option of configs/experiment, of the cells' runs"})
          .add("overrides", &T::overrides, {.help = "of every run"})
          .add("stages", &T::stages, {.help = "name -> run that leaves a model: {from, overrides, data}"})
          .add("rows", &T::rows, {.help = "one a method"})
          .add("columns", &T::columns, {.help = "one a figure"})
          .add("more_columns", &T::more_columns, {.help = "columns behind those of the included part"})
          .add("paper_values", &T::paper_values, {.help = "row -> column -> value, or a list by paper_columns"})
          .add("paper_columns", &T::paper_columns, {.help = "columns of the lists in paper_values"})
          .add("certainty", &T::certainty, {.help = "of paper values that name none", .choices = kCertainties})
          .add("scales", &T::scales, {.help = "full, small -> overrides of every run"})
          .add("default_scale", &T::default_scale, {.help = "scale without --scale", .choices = {"full", "small"}})
          .add("seeds", &T::seeds, {.help = "one run each"})
          .add("baselines", &T::baselines, {.help = "rows that the others are compared with"})
          .add("tuning", &T::tuning, {.help = "how rows with `tune` choose"})
          .add("checks", &T::checks, {.help = "what must hold of the finished table"});
  return table;
}

const OptionTable<Stage>& stage_options() {
  using S = Stage;
  static const auto table = OptionTable<S>("stage")
                                .add("from", &S::from, {.help = "stage whose model it takes"})
                                .add("overrides", &S::overrides, {.help = "of its runs, with their experiment"})
                                .add("data", &S::data, {.help = "how to get the files that it needs"});
  return table;
}

const OptionTable<Row>& row_options() {
  using R = Row;
  static const auto table =
      OptionTable<R>("row")
          .add("name", &R::name, {.help = "identifier"})
          .add("title", &R::title, {.help = "as printed"})
          .add("overrides", &R::overrides, {.help = "of its cells' runs"})
          .add("from", &R::from, {.help = "stage whose model its cells take"})
          .add("stages", &R::stages, {.help = "stage -> overrides of this row's run of it"})
          .add("scale", &R::scale, {.help = "the only one that has this row", .choices = {"", "full", "small"}})
          .add("tune", &R::tune, {.help = "{key: [values]} to choose from"})
          .add("status", &R::status, {.help = "why it cannot run", .choices = statuses()})
          .add("reason", &R::reason, {.help = "the same in words"});
  return table;
}

const OptionTable<Column>& column_options() {
  using C = TableColumn;
  const auto of = []<typename Member>(Member C::* member) -> Member Column::* { return member; };
  static const auto table =
      OptionTable<Column>("column")
          .add("name", of(&C::name), {.help = "identifier"})
          .add("title", of(&C::title), {.help = "heading"})
          .add("metric", of(&C::metric), {.help = "metric of the runs"})
          .add("unit", of(&C::unit), {.help = "unit of the shown value"})
          .add("factor", of(&C::factor), {.help = "shown value = metric * factor"})
          .add("direction", of(&C::direction), {.help = "which is better", .choices = {"", "higher", "lower"}})
          .add("digits", of(&C::digits), {.help = "after the point", .min = 0, .max = 12})
          .add("overrides", &Column::scaled_overrides, {.help = "of the column's runs"})
          .add("average_of", of(&C::average_of), {.help = "columns whose mean this is"})
          .add("stage", of(&C::stage), {.help = "stage whose runs have the metric"})
          .add("tolerance", of(&C::tolerance), {.help = "distance that still reproduces the paper", .min = 0})
          .add("status", of(&C::status), {.help = "why it cannot be measured", .choices = statuses()})
          .add("reason", of(&C::reason), {.help = "the same in words"});
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

const OptionTable<PaperValue>& paper_value_options() {
  using P = PaperValue;
  static const auto table = OptionTable<P>("paper value")
                                .add("value", &P::value, {.help = "as printed"})
                                .add("certainty", &P::certainty, {.help = "how we know", .choices = kCertainties});
  return table;
}

}  // namespace frugal::report::format
