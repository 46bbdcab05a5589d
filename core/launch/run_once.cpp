#include "core/launch/run_once.h"

#include "core/error.h"
#include "core/log.h"
#include "core/results/journal.h"
#include "core/run/signals.h"

namespace frugal::launch {

using run::JobResult;

namespace {

// What stopped the worker from outside says nothing of the run, which can go on from its checkpoint.
bool stopped_from_outside(const JobResult& result) {
  return result.error_code == "worker_killed" || result.error_code == "rank_ended" ||
         result.error_code == "lost_rank" || result.error_code == "out_of_memory" ||
         result.error_code == "not_stopping";
}

}  // namespace

std::optional<results::StateRecord> ending_record(const JobResult& result) {
  return results::StateRecord{.time_ns = results::now_ns(),
                              .state = stopped_from_outside(result) ? results::RunState::kInterrupted : result.state,
                              .error_kind = result.error_kind,
                              .error_code = result.error_code,
                              .message = result.message};
}

RunOutcome finish(const std::filesystem::path& run_dir, JobResult result) {
  RunOutcome outcome{.result = std::move(result), .finished = std::nullopt};
  if (!std::filesystem::exists(run_dir / results::kJournalName)) return outcome;
  try {
    outcome.finished = results::finish_run(run_dir, ending_record(outcome.result), false);
  } catch (const Error& error) {
    log::error("no result file for ", run_dir.string(), ": ", error.what());
    if (outcome.result.state == results::RunState::kDone) outcome.result = run::failure(outcome.result.id, error);
  }
  // A worker that died between the run's end and its answer: the journal knows better.
  if (outcome.finished && outcome.finished->status == results::RunState::kDone &&
      outcome.result.state != results::RunState::kDone) {
    log::warning(outcome.result.message, ", after the run was done");
    outcome.result = {.id = outcome.result.id, .state = results::RunState::kDone, .exit_code = 0};
  }
  return outcome;
}

RunOutcome run_once(run::Job job, std::string_view hydra_yaml, run::Existing existing, const Runner& runner) {
  job.resume = run::prepare_folder(job.run_dir, existing);
  run::write_hydra_files(job.run_dir, job.config_yaml, hydra_yaml, job.overrides);
  run::install_signal_flag();
  return finish(job.run_dir, runner(job));
}

RunOutcome run_once(run::Job job, std::string_view hydra_yaml, run::Existing existing, const WorkerSpec& spec,
                    const WaitLimits& limits) {
  return run_once(std::move(job), hydra_yaml, existing, [&](const run::Job& prepared) {
    WorkerProcess worker(spec);
    return run_on(worker, prepared, limits);
  });
}

}  // namespace frugal::launch
