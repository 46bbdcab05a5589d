// The keys of a table's file: lists and maps of it are read one by one, each by a table of options.
#pragma once

#include <string>
#include <vector>

#include "core/config/options.h"
#include "core/report/table_spec.h"

namespace frugal::report::format {

// Overrides stand as Json where a file gives a list, or one a scale.
struct Table {
  std::string include;
  std::string paper, number, caption, source, experiment, default_scale = "small";
  std::vector<std::string> overrides, baselines, paper_columns;
  std::string certainty;
  std::vector<int64_t> seeds = {0};
  Json stages = Json::object(), rows = Json::array(), columns = Json::array(), more_columns = Json::array(),
       paper_values = Json::object();
  Json scales = Json::object(), tuning = Json::object(), checks = Json::array();
};
const OptionTable<Table>& table_options();

struct Stage {
  Json overrides = Json::array(), data;
  std::string from;
};
const OptionTable<Stage>& stage_options();

struct Row {
  std::string name, title, status, reason, scale;
  Json overrides = Json::array(), from, stages = Json::object(), tune = Json::object();
};
const OptionTable<Row>& row_options();

struct Column : TableColumn {
  Json scaled_overrides = Json::array();
};
const OptionTable<Column>& column_options();

const OptionTable<Tuning>& tuning_options();
const OptionTable<TableCheck>& check_options();
const OptionTable<PaperValue>& paper_value_options();

}  // namespace frugal::report::format
