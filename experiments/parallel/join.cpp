#include "experiments/parallel/join.h"

#include "core/error.h"

namespace frugal {

std::chrono::milliseconds rank_timeout(const run::Job& job) {
  return std::chrono::milliseconds(static_cast<int64_t>(job.rank_timeout_minutes * 60000));
}

void check_rank_count(int launched, const run::Job& job) {
  if (launched == job.ranks) return;
  throw Error(ErrorKind::kUsage, "ranks_differ",
              cat("parallel.ranks is ", job.ranks, ", and the launcher has started ", launched), "parallel.ranks",
              cat("parallel.ranks=", launched, ", or start ", job.ranks));
}

}  // namespace frugal
