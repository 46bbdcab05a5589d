// The worker's side of the protocol: jobs come as JSON lines on descriptor 3, answers go out on descriptor 4.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/results/recorder.h"
#include "core/run/checkpoint.h"
#include "core/run/job.h"
#include "core/run/seeds.h"

namespace frugal::run {

constexpr int kJobsFd = 3;
constexpr int kRepliesFd = 4;

// The experiment by which `frugal doctor` sees that a worker works: no config, a product of two small matrices.
constexpr const char* kProbeExperiment = "__probe";

// What an experiment gets.
struct RunContext {
  const Job& job;
  results::Recorder& recorder;
  CheckpointStore checkpoints;  // in run_dir/checkpoints
  Seeds seeds;
  std::optional<Checkpoint> restored = {};  // what restore_checkpoint() gives

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
};

// main() of a worker: serves jobs until descriptor 3 closes or a signal ends the current one. An exception thrown by
// `execute` becomes the run's state `failed` (Error's kind, code, message; std::bad_alloc is environment,
// out_of_memory); Interrupted becomes `interrupted`. The worker dies with the process that started it.
// argv: --parent PID. Returns the exit code: 0, or the signal's.
int worker_main(int argc, char** argv, const Execute& execute, const WorkerOptions& options = {});

// One job, as the worker runs it: journal, provenance, execute, final state. Throws nothing but std::bad_alloc.
JobResult run_job(const Job& job, const Execute& execute, const std::map<std::string, std::string>& provenance = {});

}  // namespace frugal::run
