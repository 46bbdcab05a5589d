// A run of several ranks on this machine: their processes, and how the run ended.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/launch/worker_process.h"
#include "core/run/job.h"

namespace frugal::launch {

using Variables = std::vector<std::pair<std::string, std::string>>;

struct RankGroupSpec {
  std::filesystem::path program = {};      // the worker
  Variables environment = {};              // of every rank
  std::vector<Variables> of_rank = {};     // more for each: we start the ranks ourselves, one an entry
  std::vector<std::string> launcher = {};  // or whoever starts all of them, with its options: {"mpirun", "-n", "2"}
};

// Runs job.ranks ranks of the job and waits for all of them. The result is rank 0's. Where a rank fails that stands for
// the run, with its number and machine; where one ends without an answer the result is a failure, "rank_ended", within
// seconds, and the others are killed. Signals that come to us (run/signals.h) are passed on. The ranks die with us.
run::JobResult run_on_ranks(const RankGroupSpec& spec, const run::Job& job, const WaitLimits& limits = {});

// Hidden verb of the program: PID PROGRAM ARGUMENT... becomes PROGRAM, which is killed when the process PID, who must
// be our parent, ends. For launchers, which know nothing of us.
constexpr const char* kTiedVerb = "__tied";
int tied_command(std::span<const std::string> args);

}  // namespace frugal::launch
