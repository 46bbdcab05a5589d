// frugal table --dry-run: the runs of a table, with their state.
#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/table_runner.h"
#include "cli/table_runs.h"
#include "core/error.h"
#include "core/run/run_folder.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
using report::TableRow;

class Planner {
 public:
  explicit Planner(const TableRequest& request) : request_(request), plan_(request), runs_(request, plan_) {}

  void print() {
    const std::vector<size_t> rows = plan_.rows();
    for (const size_t r : rows) compose(plan_.spec().rows[r]);
    std::vector<std::string> all;
    for (const auto& [row, keys] : cells_) all.insert(all.end(), keys.begin(), keys.end());
    for (const auto& [depth, level] : runs_.needed(all))
      for (const std::string& key : level) needed_.insert(key);
    print_stages();
    for (const size_t r : rows) print_row(plan_.spec().rows[r]);
    const auto cannot =
        std::count_if(needed_.begin(), needed_.end(), [&](const auto& key) { return !lack(key).empty(); });
    std::printf("%zu runs: %zu to make, of which %zd cannot be made here\n", known_.size(), needed_.size(),
                static_cast<ssize_t>(cannot));
    for (size_t i = 0; i < notes_.size(); ++i) std::printf("[%zu] %s\n", i + 1, notes_[i].c_str());
  }

 private:
  void compose(const TableRow& row) {
    if (!row.status.empty()) return;
    for (const auto& [condition, column] : plan_.conditions())
      for (const std::string& key : plan_.known(row, condition)) {
        cells_[row.name].push_back(key);
        for (const std::string& one : plan_.with_inputs(key))
          if (known_.insert(one).second && !plan_.run(one).stage.empty()) stages_.push_back(one);
      }
  }

  // What it, or a stage before it that has to be made, lacks on this machine.
  std::string lack(const std::string& key) {
    const auto [found, is_new] = lacks_.try_emplace(key);
    if (!is_new) return found->second;
    std::string text;
    for (const std::string& one : plan_.with_inputs(key))
      if (text.empty() && (one == key || needed_.contains(one)))
        if (const auto missing = plan_.missing(one))
          text = cat(report::name(missing->status), " [", note_of(missing->reason), "]");
    return lacks_[key] = text;
  }

  // Reasons are long, and many runs share one: each is said once, at the end. From 1.
  size_t note_of(const std::string& reason) {
    const auto found = std::find(notes_.begin(), notes_.end(), reason);
    const auto at = static_cast<size_t>(found - notes_.begin());
    if (found == notes_.end()) notes_.push_back(reason);
    return at + 1;
  }

  std::string state(const std::string& key) {
    const PlannedRun& run = plan_.run(key);
    if (!needed_.contains(key)) return run.done() ? "done" : "not needed";
    if (const std::string missing = lack(key); !missing.empty()) return missing;
    if (!fs::exists(run.job.run_dir)) return "to make";
    switch (run::folder_status(run.job.run_dir)) {
      case run::FolderStatus::kInterrupted:
        return "goes on where it stopped";
      case run::FolderStatus::kFailed:
        return "failed; tried again";
      case run::FolderStatus::kRunning:
        return "another process makes it";
      case run::FolderStatus::kDone:
        return "its model is gone; made again";
      case run::FolderStatus::kFresh:
        break;
    }
    return "to make";
  }

  void print_stages() {
    for (const std::string& key : stages_) {
      const PlannedRun& run = plan_.run(key);
      std::printf("%s: %s, in %s%s\n", run.label.c_str(), state(key).c_str(), run.job.run_dir.c_str(),
                  run.input.empty() ? "" : cat(", from ", plan_.run(run.input).label).c_str());
    }
  }

  // Runs of one state in one line: rows have many.
  void print_row(const TableRow& row) {
    if (!row.status.empty()) {
      std::printf("%s: %s [%zu]\n", row.name.c_str(), row.status.c_str(), note_of(row.reason));
      return;
    }
    std::map<std::string, size_t> states;
    for (const std::string& key : cells_.at(row.name)) ++states[state(key)];
    const char* what[] = {row.tune ? "try" : "run", row.tune ? "tries" : "runs"};
    for (const auto& [text, count] : states)
      std::printf("%s: %zu %s %s\n", row.name.c_str(), count, what[count == 1 ? 0 : 1], text.c_str());
    if (row.tune) std::printf("%s: and a run a column and seed with the best value\n", row.name.c_str());
  }

  const TableRequest& request_;
  TablePlan plan_;
  TableRuns runs_;
  std::map<std::string, std::vector<std::string>> cells_;  // by row
  std::vector<std::string> stages_;                        // in the order of rows
  std::set<std::string> known_, needed_;
  std::map<std::string, std::string> lacks_;
  std::vector<std::string> notes_;
};

}  // namespace

void print_table_plan(const TableRequest& request) {
  Planner(request).print();
}

}  // namespace frugal::cli
