// One run from the front end: folder, worker, result file.
#pragma once

#include <functional>
#include <optional>

#include "core/launch/worker_process.h"
#include "core/results/run_file.h"
#include "core/run/job.h"
#include "core/run/run_folder.h"

namespace frugal::launch {

struct RunOutcome {
  run::JobResult result;
  std::optional<results::Finished> finished;  // missing if the run ended before it had a journal, or its file failed
};

// What a journal is told of the run's end where the worker could not write it itself: for results::finish_run. A run
// whose worker was killed is `interrupted` there, and can be resumed, while its result is a failure.
std::optional<results::StateRecord> ending_record(const run::JobResult& result);

// Makes run_dir/run.h5 of a run that has just ended. A failure to do so (disk full) turns a `done` result into a failed
// one: a run without its file is not done.
RunOutcome finish(const std::filesystem::path& run_dir, run::JobResult result);

// Runs a job to its end; run_on and run_on_ranks, bound to where.
using Runner = std::function<run::JobResult(const run::Job& job)>;

// Runs the job and waits. job.run_dir is prepared (run/run_folder.h); job.resume is set from it.
// Signals are passed on. Throws what prepare_folder and the runner throw; how the run itself ended is in the result.
RunOutcome run_once(run::Job job, std::string_view hydra_yaml, run::Existing existing, const Runner& runner);
// The same in a worker of its own.
RunOutcome run_once(run::Job job, std::string_view hydra_yaml, run::Existing existing, const WorkerSpec& worker,
                    const WaitLimits& limits = {});

}  // namespace frugal::launch
