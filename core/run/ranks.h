// The processes that share one run: rank 0 records it, the others compute with it. Links no LibTorch.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace frugal::run {

// Where one of several processes stands, as its launcher says.
struct RankPlace {
  int rank = 0, size = 1;
  int local_rank = 0;    // among those of its machine
  std::string launcher;  // torchrun (or whoever sets its variables), mpirun, srun
};

// From RANK, WORLD_SIZE, LOCAL_RANK (torchrun), OMPI_COMM_WORLD_* (mpirun), SLURM_PROCID and SLURM_STEP_NUM_TASKS (a
// step of srun; the script of a batch job is none), PMI_* (mpirun, too): the first of them that is there, nothing where
// none is. Error(kUsage, "bad_rank") for values that cannot be.
std::optional<RankPlace> place_in_environment();
std::string host_name();

// The group of one rank, as core sees it: tensors are experiments/parallel/collectives.h's business. All ranks make the
// same calls in the same order. A peer that is lost is Error(kRunFailed, "lost_rank"), or the end of the process where
// the library knows no better; never a wait beyond the group's time limit.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string backend() const = 0;  // nccl, mpi; none for one process
  // Rank 0's text, on every rank.
  virtual std::string share(const std::string& text) = 0;
  // The last call. well: every rank gets here; else whoever still waits for this one is ended, and maybe this process.
  virtual void leave(bool well) = 0;
};

}  // namespace frugal::run
