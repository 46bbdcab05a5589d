#include "cli/table_runner.h"

#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "cli/sweep_run.h"
#include "cli/table_differences.h"
#include "core/config/compose.h"
#include "core/error.h"
#include "core/log.h"
#include "core/results/run_file.h"
#include "core/run/run_folder.h"
#include "core/run/signals.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
using report::Cell;
using report::CellStatus;
using report::TableColumn;
using report::TableRow;

// One run that the table wants.
struct Wanted {
  launch::SweepJob job;
  std::string label;  // "lora, rte, seed 2", for progress
};

// How a run came out.
struct Outcome {
  CellStatus status = CellStatus::kPending;
  std::string reason;
  std::optional<results::RunData> data;  // a summary, of a finished run
};

struct Stopped {
  int exit_code;
};

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : " ") + text;
  return all;
}

// hydra.launcher.n_jobs=2, hydra/launcher=local, +hydra....
bool is_hydras(std::string_view override) {
  const size_t start = override.find_first_not_of("+~");
  return start != std::string_view::npos && override.substr(start).starts_with("hydra");
}

class Maker {
 public:
  explicit Maker(const TableRequest& request) : request_(request), spec_(request.spec) {
    options_.config_dirs = request.config_dirs;
    for (const TableColumn& column : spec_.columns)
      if (column.average_of.empty() && !condition_.contains(joined(column.overrides)))
        condition_[joined(column.overrides)] = &column;
  }

  MadeTable make() {
    MadeTable made{.table = {.spec = spec_, .scale = request_.scale, .overrides = request_.overrides}};
    report::PaperTable& table = made.table;
    for (size_t r = 0; r < spec_.rows.size(); ++r)
      if (::fnmatch(request_.rows.c_str(), spec_.rows[r].name.c_str(), FNM_EXTMATCH) == 0) table.shown.push_back(r);
    if (table.shown.empty())
      throw Error(ErrorKind::kUsage, "unknown_row", cat("no row of the table matches '", request_.rows, "'"), "--row");
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
  using Key = std::pair<std::string, std::string>;  // row, condition

  // Experiment, table, scale, column, row, in this order; then the user's own.
  std::vector<std::string> overrides_of(const TableRow& row, const std::string& condition, int64_t seed) const {
    std::vector<std::string> all = {"experiment=" + spec_.experiment};
    const auto add = [&](const std::vector<std::string>& more) { all.insert(all.end(), more.begin(), more.end()); };
    add(spec_.overrides);
    add(spec_.scales.at(request_.scale));
    add(condition_.at(condition)->overrides);
    add(row.overrides);
    all.push_back(cat("seed=", seed));
    add(request_.overrides);
    return all;
  }

  Wanted wanted(const TableRow& row, const std::string& condition, int64_t seed, const std::vector<std::string>& more) {
    std::vector<std::string> overrides = overrides_of(row, condition, seed);
    overrides.insert(overrides.end(), more.begin(), more.end());
    Wanted one{.job = sweep_job(options_, overrides, std::nullopt, {}, request_.command_line),
               .label = cat(row.name, condition.empty() ? "" : " " + condition, " seed ", seed,
                            more.empty() ? "" : " " + joined(more))};
    one.job.run_dir = request_.folder / "runs" / launch::config_hash(one.job.config).substr(0, 16);
    return one;
  }

  // Tries the values of rows with a grid, and keeps the best by the tuning metric.
  void choose(const report::PaperTable& table) {
    std::map<Key, std::vector<Wanted>> tries;
    std::vector<Wanted> all;
    for_each_key(table, [&](const TableRow& row, const std::string& condition) {
      if (!row.tune) return;
      for (const std::string& value : row.tune->values) {
        std::vector<std::string> more = {row.tune->key + "=" + value};
        more.insert(more.end(), spec_.tuning.overrides.begin(), spec_.tuning.overrides.end());
        tries[{row.name, condition}].push_back(wanted(row, condition, spec_.tuning.seed, more));
      }
      const auto& mine = tries[{row.name, condition}];
      all.insert(all.end(), mine.begin(), mine.end());
    });
    run(all);
    for (const auto& [key, mine] : tries) chosen_[key] = best_of(key.first, mine);
  }

  std::string best_of(const std::string& row_name, const std::vector<Wanted>& tries) {
    const TableRow& row =
        *std::find_if(spec_.rows.begin(), spec_.rows.end(), [&](const auto& r) { return r.name == row_name; });
    std::optional<double> best;
    std::string chosen;
    for (size_t i = 0; i < tries.size(); ++i) {
      const Outcome outcome = outcome_of(tries[i]);
      const results::Metric* metric = outcome.data ? outcome.data->find_metric(spec_.tuning.metric) : nullptr;
      if (metric == nullptr) continue;
      const double value = spec_.tuning.direction == "higher" ? metric->value : -metric->value;
      if (best && !(value > *best)) continue;
      best = value;
      chosen = row.tune->key + "=" + row.tune->values[i];
    }
    return chosen;
  }

  // The runs of every cell that can have one.
  void measure(const report::PaperTable& table) {
    std::vector<Wanted> all;
    for_each_key(table, [&](const TableRow& row, const std::string& condition) {
      std::vector<std::string> more;
      if (row.tune) more.push_back(chosen_.at({row.name, condition}));
      // Without any choice every try failed: one run then says why.
      if (row.tune && more[0].empty()) more[0] = row.tune->key + "=" + row.tune->values[0];
      for (const int64_t seed : spec_.seeds) runs_[{row.name, condition}].push_back(wanted(row, condition, seed, more));
      const auto& mine = runs_[{row.name, condition}];
      all.insert(all.end(), mine.begin(), mine.end());
    });
    run(all);
  }

  template <typename Function>
  void for_each_key(const report::PaperTable& table, Function function) const {
    for (const size_t r : table.shown)
      if (spec_.rows[r].status.empty())
        for (const auto& [condition, column] : condition_) function(spec_.rows[r], condition);
  }

  bool is_done(const fs::path& run_dir) const {
    return fs::exists(run_dir / results::kRunFileName) && run::folder_status(run_dir) == run::FolderStatus::kDone;
  }

  // Runs those that are not done. Throws Stopped after a signal.
  void run(const std::vector<Wanted>& all) {
    std::vector<launch::SweepJob> jobs;
    std::map<fs::path, std::string> labels;
    std::string folders;
    for (const Wanted& one : all) {
      if (!labels.emplace(one.job.run_dir, one.label).second) continue;
      if (request_.run && request_.fresh && fresh_.insert(one.job.run_dir).second) fs::remove_all(one.job.run_dir);
      if (is_done(one.job.run_dir) || !can_start(one.job)) continue;
      jobs.push_back(one.job);
      jobs.back().index = static_cast<int>(jobs.size()) - 1;
      folders += one.job.run_dir.filename().string();
    }
    if (jobs.empty() || !request_.run) return;
    log::info(jobs.size(), " runs to make, ", labels.size() - jobs.size(), " are there");
    const fs::path ledger = request_.folder / "sweeps" / launch::config_hash({{"runs", folders}}).substr(0, 16);
    fs::create_directories(ledger);
    const launch::SweepSummary summary = launch::run_sweep(ledger, jobs, launching(jobs, labels));
    if (run::requested_signal() != 0) throw Stopped{summary.exit_code};
    if (summary.done == static_cast<int>(jobs.size())) fs::remove_all(ledger);  // the runs' folders say it all
  }

  launch::SweepOptions launching(const std::vector<launch::SweepJob>& jobs,
                                 const std::map<fs::path, std::string>& labels) const {
    RunOptions first = options_;
    first.overrides = jobs.front().overrides;  // without hydra's own
    for (const auto* list : {&spec_.overrides, &spec_.scales.at(request_.scale), &request_.overrides})
      std::copy_if(list->begin(), list->end(), std::back_inserter(first.overrides), is_hydras);
    launch::SweepOptions options = launch_options(config::compose(first.request()), request_.command_line);
    options.retry_failed = true;
    set_worker_environment(jobs.front());
    options.on_change = [labels, total = jobs.size(), ended = size_t{0}](const launch::JobStatus& status) mutable {
      if (status.state == launch::JobState::kRunning) return;
      const auto seconds = static_cast<double>(status.ended_ns - status.started_ns) * 1e-9;
      log::info("[", ++ended, "/", total, "] ", labels.at(status.job.run_dir), ": ", launch::name(status.state), " in ",
                std::round(seconds * 10) / 10, " s", status.reason.empty() ? "" : "; " + status.reason);
    };
    return options;
  }

  // False, with the reason noted, where there is no program for the job's device.
  bool can_start(const launch::SweepJob& job) {
    try {
      launch::worker_program(job.worker);
      return true;
    } catch (const Error& error) {
      refused_[job.run_dir] = {.status = report::status_of_error(error.code()), .reason = error.message(), .data = {}};
      return false;
    }
  }

  Outcome outcome_of(const Wanted& one) const {
    if (const auto refused = refused_.find(one.job.run_dir); refused != refused_.end()) return refused->second;
    const fs::path file = one.job.run_dir / results::kRunFileName;
    if (!fs::exists(file)) return {.status = CellStatus::kPending, .reason = "not run yet", .data = {}};
    Outcome outcome{
        .status = CellStatus::kMeasured, .reason = {}, .data = results::read_run_file(file, results::Parts::kSummary)};
    const auto& states = outcome.data->states;
    if (outcome.data->state() == results::RunState::kDone) return outcome;
    outcome.status = CellStatus::kPending;
    outcome.reason = cat("a run is ", results::name(outcome.data->state()));
    if (outcome.data->state() == results::RunState::kFailed) {
      outcome.status = report::status_of_error(states.back().error_code);
      outcome.reason = states.back().message;
    }
    outcome.data.reset();
    return outcome;
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
    }
    add_differences(table, request_.folder);
    note_code(table);
  }

  void fill_cell(Cell& cell, const TableRow& row, const TableColumn& column, report::PaperTable& table) {
    if (!row.status.empty()) {
      cell.status = row.status == "needs-weights" ? CellStatus::kNeedsWeights
                    : row.status == "needs-data"  ? CellStatus::kNeedsData
                                                  : CellStatus::kNeedsDevice;
      cell.reason = row.reason;
      return;
    }
    const Key key = {row.name, joined(column.overrides)};
    if (const auto chosen = chosen_.find(key); chosen != chosen_.end()) cell.chosen = chosen->second;
    const auto runs = runs_.find(key);
    if (runs == runs_.end()) return;
    for (const Wanted& one : runs->second) {
      const Outcome outcome = outcome_of(one);
      if (!outcome.data) {
        cell.status = outcome.status;
        cell.reason = outcome.reason;
        cell.values.clear();
        return;
      }
      const results::Metric* metric = outcome.data->find_metric(column.metric);
      if (metric == nullptr) {  // this method has no such figure
        cell.status = CellStatus::kMeasured;
        cell.reason = "";
        continue;
      }
      if (cell.unit.empty() && column.factor == 1) cell.unit = metric->unit;
      cell.values.push_back(metric->value * column.factor);
      cell.runs.push_back(fs::relative(one.job.run_dir / results::kRunFileName, request_.folder).string());
      add_facts(*outcome.data, table);
    }
    cell.status = request_.scale == "full" ? CellStatus::kMeasured : CellStatus::kSmallScale;
  }

  void add_facts(const results::RunData& data, report::PaperTable& table) {
    const auto fact = [&](const char* key) {
      const auto found = data.provenance.find(key);
      return found == data.provenance.end() ? std::string() : found->second;
    };
    const std::string gpu = fact("gpu.0.name");
    table.facts["device"] = gpu.empty() ? fact("cpu.model") : gpu;
    codes_.insert(cat(fact("code.commit").substr(0, 12), fact("code.dirty") == "true" ? " with changes" : ""));
  }

  void note_code(report::PaperTable& table) const {
    std::string list;
    for (const auto& code : codes_) list += (list.empty() ? "" : ", ") + code;
    if (!list.empty()) table.facts["code"] = list;
    if (codes_.size() > 1)
      table.notes.push_back("the runs were made by several versions of the code; --fresh makes all again");
    if (!request_.overrides.empty()) table.notes.push_back("with overrides: " + joined(request_.overrides));
  }

  const TableRequest& request_;
  const report::TableSpec& spec_;
  RunOptions options_;
  std::map<std::string, const TableColumn*> condition_;  // by the column's overrides: one column that has them
  std::map<Key, std::string> chosen_;
  std::map<Key, std::vector<Wanted>> runs_;
  std::map<fs::path, Outcome> refused_;
  std::set<fs::path> fresh_;
  std::set<std::string> codes_;
};

}  // namespace

MadeTable make_table(const TableRequest& request) {
  run::install_signal_flag();
  return Maker(request).make();
}

}  // namespace frugal::cli
