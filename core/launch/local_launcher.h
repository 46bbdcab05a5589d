// Sweeps on this machine: a pool of workers that serve the jobs of a ledger.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/launch/ledger.h"
#include "core/launch/worker_process.h"
#include "core/results/aggregate.h"

namespace frugal::launch {

enum class Isolation { kWorker, kProcess };  // one worker for many jobs, or a fresh one each

struct SweepOptions {
  int n_jobs = 1;                      // jobs at a time; with GPUs: gpus.size() * jobs_per_gpu instead
  int cores_per_job = 0;               // bind each worker to so many cores of its own; 0: all share all
  std::vector<std::string> gpus = {};  // devices for CUDA_VISIBLE_DEVICES, one a worker; empty: leave it alone
  int jobs_per_gpu = 1;
  Isolation isolation = Isolation::kWorker;
  bool fail_fast = false;     // start no job after one has failed; else keep going
  int retries = 0;            // further attempts for a job that failed, within this call
  bool retry_failed = false;  // run the failed jobs of an earlier call again
  std::chrono::milliseconds timeout = std::chrono::milliseconds::max();  // a job
  std::chrono::milliseconds grace = std::chrono::seconds(60);            // from a signal until workers are killed
  std::map<std::string, std::string> provenance = {};                    // for every job; empty: of the machine
  // The worker program of a flavour; empty: frugal-worker-<flavour> beside the program.
  std::function<std::filesystem::path(const std::string& flavour)> program = {};
  std::function<void(const JobStatus&)> on_change = {};  // a job started or ended; called from this thread
};

// A sweep whose jobs depend on what came of former ones.
struct Search {
  std::string metric;  // the objective
  // Called when every job so far has ended, with what is known of them (`told` and `objective` of each): the next
  // batch, or nothing when the search is over. The same ledger gives the same answer.
  std::function<std::vector<SweepJob>(const LedgerContent&)> next;
};

struct SweepSummary {
  int done = 0, failed = 0, interrupted = 0, pending = 0, cancelled = 0;
  int skipped = 0;                                // done by an earlier call
  int exit_code = 0;                              // 0 all done, 5 some failed, 143/130/85 stopped by a signal
  std::filesystem::path index = {};               // the sweep's index.h5
  std::vector<results::Aggregate> repeated = {};  // mean and spread over seeds; empty where nothing was repeated
};

// Runs what the ledger in sweep_dir still has to run; starts it if there is none (see Ledger::open for refusals). Done
// jobs are skipped, interrupted ones resumed, failed ones left unless retry_failed. Writes sweep_dir/index.h5 at the
// end. Call from the main thread (see WorkerProcess).
SweepSummary run_sweep(const std::filesystem::path& sweep_dir, const std::vector<SweepJob>& jobs,
                       const SweepOptions& options);
// Runs a search: batch after batch until search.next gives no more jobs. Called again in the same folder it goes on
// where it stopped; what it has asked and been told stands in the ledger. Throws Error(usage, "no_metric") where a run
// that is done lacks the objective.
SweepSummary run_search(const std::filesystem::path& sweep_dir, const Search& search, const SweepOptions& options);
// The same with the jobs that the ledger names: `frugal sweep resume|retry DIR`.
SweepSummary resume_sweep(const std::filesystem::path& sweep_dir, const SweepOptions& options);
// Asks a running launcher to stop (its running jobs are interrupted and can be resumed) and marks what has not started
// as cancelled. Returns how many jobs it marked itself; -1 if it asked a running launcher.
int cancel_sweep(const std::filesystem::path& sweep_dir);

}  // namespace frugal::launch
