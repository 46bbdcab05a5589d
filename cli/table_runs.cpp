#include "cli/table_runs.h"

#include <algorithm>
#include <cmath>

#include "cli/sweep_run.h"
#include "core/error.h"
#include "core/log.h"
#include "core/results/run_file.h"
#include "core/run/signals.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
using report::CellStatus;

// hydra.launcher.n_jobs=2, hydra/launcher=local, +hydra....
bool is_hydras(std::string_view override) {
  const size_t start = override.find_first_not_of("+~");
  return start != std::string_view::npos && override.substr(start).starts_with("hydra");
}

Outcome refusal(CellStatus status, std::string reason) {
  return {.status = status, .reason = std::move(reason), .data = {}};
}

}  // namespace

std::map<int, std::vector<std::string>> TableRuns::needed(const std::vector<std::string>& keys) const {
  std::map<int, std::vector<std::string>> levels;
  std::set<std::string> seen;
  for (const std::string& key : keys) {
    bool model = false;  // of the run looked at, is asked for by the one before
    for (std::string at = key; !at.empty();) {
      const PlannedRun& run = plan_.run(at);
      if (run.done() && (!model || run.has_model())) break;
      if (seen.insert(at).second) levels[run.depth].push_back(at);
      at = run.input;
      model = true;
    }
  }
  return levels;
}

void TableRuns::make(const std::vector<std::string>& keys) {
  if (request_.run && request_.fresh)
    for (const std::string& key : keys)
      for (const std::string& one : plan_.with_inputs(key))
        if (cleared_.insert(one).second) fs::remove_all(plan_.run(one).job.run_dir);
  for (const auto& [depth, level] : needed(keys)) make_level(level);
}

void TableRuns::make_level(const std::vector<std::string>& keys) {
  std::vector<launch::SweepJob> jobs;
  std::map<fs::path, std::string> labels;
  std::string folders;
  for (const std::string& key : keys) {
    const PlannedRun& run = plan_.run(key);
    if (!can_start(key) || !request_.run) continue;
    if (run.done()) {
      log::info(run.label, ": its model is gone, and is made again");
      fs::remove_all(run.job.run_dir);
    }
    jobs.push_back(run.job);
    jobs.back().index = static_cast<int>(jobs.size()) - 1;
    labels.emplace(run.job.run_dir, run.label);
    folders += key;
  }
  if (jobs.empty()) return;
  log::info(jobs.size(), " runs to make");
  const fs::path ledger = request_.folder / "sweeps" / launch::config_hash({{"runs", folders}}).substr(0, 16);
  fs::create_directories(ledger);
  const launch::SweepSummary summary = launch::run_sweep(ledger, jobs, launching(jobs, labels));
  if (run::requested_signal() != 0) throw Stopped{summary.exit_code};
  if (summary.done == static_cast<int>(jobs.size())) fs::remove_all(ledger);  // the runs' folders say it all
}

launch::SweepOptions TableRuns::launching(const std::vector<launch::SweepJob>& jobs,
                                          const std::map<fs::path, std::string>& labels) const {
  RunOptions first{.config_dirs = request_.config_dirs};
  first.overrides = jobs.front().overrides;  // without hydra's own
  const report::TableSpec& spec = plan_.spec();
  for (const auto* list : {&spec.overrides, &spec.scales.at(spec.scale), &request_.overrides})
    std::copy_if(list->begin(), list->end(), std::back_inserter(first.overrides), is_hydras);
  launch::SweepOptions options = launch_options(config::compose(first.request()), request_.command_line);
  options.retry_failed = true;
  set_worker_environment(jobs.front());
  options.on_change = [labels, total = jobs.size(), ended = size_t{0}](const launch::JobStatus& status) mutable {
    if (status.state == launch::JobState::kRunning) return;
    log::info("[", ++ended, "/", total, "] ", labels.at(status.job.run_dir), ": ", launch::name(status.state), " in ",
              std::round(status.seconds() * 10) / 10, " s", status.reason.empty() ? "" : "; " + status.reason);
  };
  return options;
}

// False, with the reason noted: the stage before it has no model to give, or something is not on this machine.
bool TableRuns::can_start(const std::string& key) {
  const PlannedRun& run = plan_.run(key);
  const bool made = request_.run || refused_.contains(run.input);  // what there was to try has been tried
  if (!run.input.empty() && made && !plan_.run(run.input).has_model()) {
    Outcome before = outcome(run.input);
    if (before.status == CellStatus::kMeasured)
      before = refusal(CellStatus::kFailed, "it saved no model in " + plan_.run(run.input).job.run_dir.string());
    const std::string what = cat("stage ", plan_.run(run.input).stage, ": ");
    refused_[key] = refusal(before.status, before.reason.starts_with("stage ") ? before.reason : what + before.reason);
    return false;
  }
  if (const auto missing = plan_.missing(key)) {
    refused_[key] = refusal(missing->status, missing->reason);
    return false;
  }
  try {
    launch::worker_program(run.job.worker);
    return true;
  } catch (const Error& error) {
    refused_[key] = refusal(report::status_of_error(error.code()), error.message());
    return false;
  }
}

Outcome TableRuns::outcome(const std::string& key) const {
  if (const auto refused = refused_.find(key); refused != refused_.end()) return refused->second;
  const fs::path file = plan_.run(key).job.run_dir / results::kRunFileName;
  if (!fs::exists(file)) return refusal(CellStatus::kPending, "not run yet");
  Outcome outcome{
      .status = CellStatus::kMeasured, .reason = {}, .data = results::read_run_file(file, results::Parts::kSummary)};
  const auto& states = outcome.data->states;
  const results::RunState state = outcome.data->state();
  if (state == results::RunState::kDone) return outcome;
  if (state == results::RunState::kFailed)
    return refusal(report::status_of_error(states.back().error_code), states.back().message);
  return refusal(CellStatus::kPending, cat("a run is ", results::name(state)));
}

}  // namespace frugal::cli
