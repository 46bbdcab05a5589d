#include "cli/table_runner.h"

#include <algorithm>
#include <cmath>

#include "cli/table_differences.h"
#include "cli/table_runs.h"
#include "core/error.h"
#include "core/results/run_file.h"
#include "core/run/provenance.h"
#include "core/run/signals.h"
#include "core/text.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
using report::Cell;
using report::CellStatus;
using report::TableColumn;
using report::TableRow;

using Key = std::pair<std::string, std::string>;  // row, condition or stage

class Maker {
 public:
  explicit Maker(const TableRequest& request)
      : request_(request), spec_(request.spec), plan_(request), runs_(request, plan_) {}

  MadeTable make() {
    MadeTable made{.table = {.spec = spec_, .scale = spec_.scale, .overrides = request_.typed}};
    report::PaperTable& table = made.table;
    table.shown = plan_.rows();
    compose(table);
    try {
      choose(table);
      measure(table);
    } catch (const Stopped& stopped) {
      made.exit_code = stopped.exit_code;
    }
    fill(table);
    report::fill_averages(table);
    return made;
  }

 private:
  // A mistake in any row is said before anything runs.
  void compose(const report::PaperTable& table) {
    for_each_row(table, [&](const TableRow& row) {
      for (const auto& [condition, column] : plan_.conditions()) plan_.known(row, condition);
    });
  }

  // Tries the values of rows with a grid, and keeps the best by the tuning metric.
  void choose(const report::PaperTable& table) {
    std::map<Key, std::vector<std::string>> tries;
    std::vector<std::string> all;
    for_each_row(table, [&](const TableRow& row) {
      if (!row.tune) return;
      for (const auto& [condition, column] : plan_.conditions()) {
        const auto& mine = tries[{row.name, condition}] = plan_.tries(row, condition);
        all.insert(all.end(), mine.begin(), mine.end());
      }
    });
    runs_.make(all);
    for (const auto& [key, mine] : tries) chosen_[key] = best_of(key.first, mine);
  }

  std::string best_of(const std::string& row_name, const std::vector<std::string>& tries) const {
    const TableRow& row =
        *std::find_if(spec_.rows.begin(), spec_.rows.end(), [&](const auto& r) { return r.name == row_name; });
    std::optional<double> best;
    std::string chosen;
    for (size_t i = 0; i < tries.size(); ++i) {
      const Outcome outcome = runs_.outcome(tries[i]);
      const results::Metric* metric = outcome.data ? outcome.data->find_metric(spec_.tuning.metric) : nullptr;
      if (metric == nullptr) continue;
      const double value = spec_.tuning.direction == "higher" ? metric->value : -metric->value;
      if (best && !(value > *best)) continue;
      best = value;
      chosen = row.tune->key + "=" + row.tune->values[i];
    }
    return chosen;
  }

  // The runs of every cell that can have one, and those of stages that a column shows.
  void measure(const report::PaperTable& table) {
    std::vector<std::string> all;
    const auto add = [&](const Key& cell, const std::string& run) {
      cells_[cell].push_back(run);
      all.push_back(run);
    };
    for_each_row(table, [&](const TableRow& row) {
      for (const int64_t seed : spec_.seeds) {
        for (const auto& [condition, column] : plan_.conditions()) {
          std::vector<std::string> more;
          if (row.tune) more.push_back(chosen_.at({row.name, condition}));
          // Without any choice every try failed: one run then says why.
          if (row.tune && more[0].empty()) more[0] = row.tune->key + "=" + row.tune->values[0];
          add({row.name, condition}, plan_.cell(row, condition, seed, more));
        }
        for (const std::string& stage : report::stage_chain(spec_, row)) {
          const std::string run = plan_.stage(row, stage, seed);
          stages_[{row.name, stage}].push_back(run);
          if (is_shown(stage)) all.push_back(run);
        }
      }
    });
    runs_.make(all);
  }

  bool is_shown(const std::string& stage) const {
    return std::any_of(spec_.columns.begin(), spec_.columns.end(), [&](const auto& c) { return c.stage == stage; });
  }

  template <typename Function>
  void for_each_row(const report::PaperTable& table, Function function) const {
    for (const size_t r : table.shown)
      if (spec_.rows[r].status.empty()) function(spec_.rows[r]);
  }

  void fill(report::PaperTable& table) {
    for (const size_t r : table.shown) {
      const TableRow& row = spec_.rows[r];
      for (const TableColumn& column : spec_.columns) {
        Cell& cell = table.cells[row.name][column.name];
        cell.unit = column.unit;
        if (const auto values = spec_.paper_values.find(row.name); values != spec_.paper_values.end())
          if (const auto value = values->second.find(column.name); value != values->second.end())
            cell.paper = value->second;
        if (column.average_of.empty()) fill_cell(cell, row, column, table);
      }
      for (const std::string& stage : report::stage_chain(spec_, row)) note_stage({row.name, stage}, table);
    }
    add_differences(table, request_.folder);
    note_code(table);
  }

  void fill_cell(Cell& cell, const TableRow& row, const TableColumn& column, report::PaperTable& table) {
    for (const auto& [status, reason] : {std::pair(row.status, row.reason), {column.status, column.reason}})
      if (!status.empty()) {
        cell.status = report::status_named(status);
        cell.reason = reason;
        return;
      }
    const bool of_stage = !column.stage.empty();
    const Key key = {row.name, of_stage ? column.stage : TablePlan::condition_of(column)};
    if (const auto chosen = chosen_.find(key); chosen != chosen_.end()) cell.chosen = chosen->second;
    const auto& runs = of_stage ? stages_ : cells_;
    const auto mine = runs.find(key);
    if (mine == runs.end() && !of_stage) return;  // stopped before it was asked for
    // A row that does not go through the column's stage has no such figure.
    if (mine != runs.end())
      for (const std::string& run : mine->second)
        if (!add_value(cell, run, column, table)) return;
    cell.status = spec_.scale == "full" ? CellStatus::kMeasured : CellStatus::kSmallScale;
  }

  // False where the run is not there, which is then what the cell says.
  bool add_value(Cell& cell, const std::string& run, const TableColumn& column, report::PaperTable& table) {
    const Outcome outcome = runs_.outcome(run);
    if (!outcome.data) {
      cell.status = outcome.status;
      cell.reason = outcome.reason;
      cell.values.clear();
      cell.errors.clear();
      return false;
    }
    const results::Metric* metric = outcome.data->find_metric(column.metric);
    if (metric == nullptr) return true;  // this method has no such figure
    if (cell.unit.empty() && column.factor == 1) cell.unit = metric->unit;
    cell.values.push_back(metric->value * column.factor);
    if (metric->standard_error) cell.errors.push_back(*metric->standard_error * std::abs(column.factor));
    cell.runs.push_back(file_of(run));
    add_facts(*outcome.data, table);
    return true;
  }

  std::string file_of(const std::string& run) const {
    // Of a folder that is not made yet, only an absolute path can be compared.
    return fs::relative(plan_.run(run).job.run_dir / results::kRunFileName, fs::absolute(request_.folder)).string();
  }

  void note_stage(const Key& key, report::PaperTable& table) const {
    const auto runs = stages_.find(key);
    if (runs == stages_.end()) return;
    for (const std::string& run : runs->second)
      if (runs_.outcome(run).data) table.stages[key.first].push_back(file_of(run));
  }

  void add_facts(const results::RunData& data, report::PaperTable& table) {
    const auto fact = [&](const char* key) { return run::fact(data.provenance, key); };
    const std::string gpu = fact("gpu.0.name");
    table.facts["device"] = gpu.empty() ? fact("cpu.model") : gpu;
    codes_.insert(cat(fact("code.commit").substr(0, 12), fact("code.dirty") == "true" ? " with changes" : ""));
  }

  void note_code(report::PaperTable& table) const {
    if (const std::string list = joined(codes_, ", "); !list.empty()) table.facts["code"] = list;
    if (codes_.size() > 1)
      table.notes.push_back("the runs were made by several versions of the code; --fresh makes all again");
    if (!request_.typed.empty()) table.notes.push_back("with overrides: " + joined(request_.typed, " "));
  }

  const TableRequest& request_;
  const report::TableSpec& spec_;
  TablePlan plan_;
  TableRuns runs_;
  std::map<Key, std::string> chosen_;
  std::map<Key, std::vector<std::string>> cells_, stages_;  // runs, one a seed
  std::set<std::string> codes_;
};

}  // namespace

MadeTable make_table(const TableRequest& request) {
  run::install_signal_flag();
  return Maker(request).make();
}

}  // namespace frugal::cli
