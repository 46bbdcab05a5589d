// Makes the runs of a table that are not there: stages before what starts from them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/table_plan.h"
#include "core/launch/local_launcher.h"
#include "core/results/run_data.h"

namespace frugal::cli {

// How a run came out.
struct Outcome {
  report::CellStatus status = report::CellStatus::kPending;
  std::string reason;
  std::optional<results::RunData> data;  // a summary, of a finished run
};

// A signal stopped the runs.
struct Stopped {
  int exit_code;
};

class TableRuns {
 public:
  TableRuns(const TableRequest& request, const TablePlan& plan) : request_(request), plan_(plan) {}

  // Runs those of `keys` that are not done, after the stages that they need. A stage that is done runs again only where
  // its model is gone and something that starts from it is to be made. Throws Stopped after a signal.
  void make(const std::vector<std::string>& keys);
  // What is to be made for these, in the order of make(): the runs of a depth together.
  std::map<int, std::vector<std::string>> needed(const std::vector<std::string>& keys) const;
  Outcome outcome(const std::string& key) const;

 private:
  void make_level(const std::vector<std::string>& keys);
  bool can_start(const std::string& key);
  launch::SweepOptions launching(const std::vector<launch::SweepJob>& jobs,
                                 const std::map<std::filesystem::path, std::string>& labels) const;

  const TableRequest& request_;
  const TablePlan& plan_;
  std::map<std::string, Outcome> refused_;
  std::set<std::string> cleared_;  // what --fresh has removed
};

}  // namespace frugal::cli
