// The worker's side: takes jobs (run/worker_channel.h), runs each, answers how it ended.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/results/recorder.h"
#include "core/run/checkpoint.h"
#include "core/run/job.h"
#include "core/run/ranks.h"
#include "core/run/seeds.h"

namespace frugal::run {

// The experiment by which `frugal doctor` sees that a worker works: no config, a product of two small matrices.
constexpr const char* kProbeExperiment = "__probe";

// What an experiment gets.
struct RunContext {
  const Job& job;
  results::Recorder& recorder;
  CheckpointStore checkpoints;  // in run_dir/checkpoints
  Seeds seeds;
  std::optional<Checkpoint> restored = {};  // what restore_checkpoint() gives
  // The processes that share this run; null: it is this one alone. Beside rank 0 the recorder keeps nothing, and files
  // are not to be written: all of a run is rank 0's.
  Ranks* ranks = nullptr;

  // Saves a checkpoint that knows the journal's position. write: see CheckpointStore::save.
  void save_checkpoint(std::int64_t step, const std::function<void(const std::filesystem::path&)>& write) const;
  // For a job to be resumed: the newest checkpoint that is whole and fits the journal; nothing if there is none (the
  // experiment then starts from its beginning). The journal was taken back to it before the experiment began, so that
  // what an experiment records before it asks here (model, inputs, sizes) supersedes nothing.
  const std::optional<Checkpoint>& restore_checkpoint() const { return restored; }
  // What a dry run found out, one value a run::kPlan... name.
  void record_plan(const std::map<std::string_view, double>& plan) const;
  // Checkpoints that stay, as experiment.keep_checkpoints says.
  std::size_t kept_checkpoints() const;
  // Whether a signal asks to stop. Then: save_checkpoint, and throw Interrupted(requested_signal()).
  bool stop_requested() const;
};

using Execute = std::function<void(RunContext&)>;

struct WorkerOptions {
  // What this worker adds to every run's provenance (LibTorch's version, devices); asked once.
  std::function<std::map<std::string, std::string>()> provenance = {};
  // Makes this process one of the job's ranks; empty where the worker runs alone.
  std::function<std::unique_ptr<Ranks>(const Job&)> join = {};
};

// The parent that a worker is given where a launcher starts it, whose process is not known beforehand.
constexpr const char* kLauncherParent = "launcher";
// What rank > 0 logs, below the run's folder.
std::filesystem::path rank_log(const std::filesystem::path& run_dir, int rank);

// main() of a worker: serves jobs until descriptor 3 closes or a signal ends the current one. An exception thrown by
// `execute` becomes the run's state `failed` (Error's kind, code, message; std::bad_alloc is environment,
// out_of_memory); Interrupted becomes `interrupted`. The worker dies with the process that started it.
// argv: --parent PID, or --parent launcher. Returns the exit code: 0, the signal's, or that of a failed run of several
// ranks.
int worker_main(int argc, char** argv, const Execute& execute, const WorkerOptions& options = {});

// One job, as the worker runs it: journal, provenance, execute, final state. Throws nothing but std::bad_alloc.
// ranks: of rank 0 of several.
JobResult run_job(const Job& job, const Execute& execute, const std::map<std::string, std::string>& provenance = {},
                  Ranks* ranks = nullptr);

}  // namespace frugal::run
