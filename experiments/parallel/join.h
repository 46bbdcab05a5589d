// How a worker's process becomes a rank: each flavour of the worker has one way, chosen when it is linked.
#pragma once

#include <memory>

#include "core/run/job.h"
#include "experiments/parallel/collectives.h"

namespace frugal {

// Meets the job's other ranks: join_nccl.cpp (frugal-worker-cuda), join_mpi.cpp (frugal-worker-mpi), join_none.cpp
// (frugal-worker-cpu: Error(kUsage, "one_process")). Error(kUsage, "ranks_differ") where the launcher has started
// another number of them; Error(kEnvironment, "no_rendezvous") where they do not meet within the time limit.
std::unique_ptr<run::Ranks> join_ranks(const run::Job& job);

// The limit of every wait for other ranks.
std::chrono::milliseconds rank_timeout(const run::Job& job);
// Error(kUsage, "ranks_differ").
void check_rank_count(int launched, const run::Job& job);

}  // namespace frugal
