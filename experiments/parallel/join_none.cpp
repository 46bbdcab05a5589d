#include "core/error.h"
#include "experiments/parallel/join.h"

namespace frugal {

std::unique_ptr<run::Ranks> join_ranks(const run::Job& job) {
  throw Error(ErrorKind::kUsage, "one_process",
              cat("this worker runs in one process, and parallel.ranks is ", job.ranks), "parallel.ranks",
              "parallel.ranks=1");
}

}  // namespace frugal
