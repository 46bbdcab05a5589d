// Runs of several ranks (parallel.ranks): who starts them, and which part is ours.
#pragma once

#include <optional>

#include "cli/run_job.h"
#include "core/run/ranks.h"

namespace frugal::cli {

// Which of the job's ranks this process is, where a launcher (torchrun, mpirun, srun) has started as many; nothing
// where the run has one process, or starts its ranks itself. Error(kUsage, "ranks_differ") where launcher and
// parallel.ranks disagree, "wrong_launcher" where the ranks could not meet.
std::optional<run::RankPlace> launched_place(const PreparedJob& prepared);

// Starts all ranks on this machine: one on each GPU, or through mpirun. Error(kEnvironment, "too_few_gpus"),
// Error(kEnvironment, "no_mpirun").
launch::Runner rank_starter(const PreparedJob& prepared);

// Our part as another rank than 0, which tells us all there is to know: no folder, no results. Throws the run's error.
// Else returns 0, interrupted or not: that is rank 0's to say, and launchers kill whoever is left after another code.
int follow_rank_zero(const PreparedJob& prepared);

}  // namespace frugal::cli
