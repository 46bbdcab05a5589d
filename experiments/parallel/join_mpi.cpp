// Ranks on CPUs, through MPI. All that links libmpi.
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <algorithm>
#include <thread>

#include "core/error.h"
#include "experiments/parallel/join.h"

namespace frugal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kCallElements = int64_t{1} << 28;  // MPI counts in int

void check(int code, const char* doing) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(ErrorKind::kRunFailed, "lost_rank", cat("MPI failed to ", doing, ": ", text), {},
              "the logs of the other ranks, ranks/*.log in the run's folder");
}

class MpiRanks final : public Collectives {
 public:
  explicit MpiRanks(std::chrono::milliseconds timeout) : timeout_(timeout) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string backend() const override { return "mpi"; }

  std::string share(const std::string& text) override {
    auto length = static_cast<int64_t>(text.size());
    transfer("share text", MPI_INT64_T, &length, 1);
    std::string shared = rank_ == 0 ? text : std::string(static_cast<size_t>(length), '\0');
    transfer("share text", MPI_BYTE, shared.data(), length);
    return shared;
  }

  // MPI_Finalize waits for every rank, MPI_Abort for none: it ends this process, too. The pause is for the others to
  // say what they know.
  void leave(bool well) override {
    if (well) {
      MPI_Finalize();
      return;
    }
    if (rank_ != 0) std::this_thread::sleep_for(std::chrono::seconds(1));
    MPI_Abort(MPI_COMM_WORLD, exit_code(ErrorKind::kRunFailed));
  }

 protected:
  void sum_flat(const at::Tensor& flat) override {
    const MPI_Datatype type = flat.scalar_type() == at::kFloat    ? MPI_FLOAT
                              : flat.scalar_type() == at::kDouble ? MPI_DOUBLE
                                                                  : MPI_INT64_T;
    auto* data = static_cast<char*>(flat.mutable_data_ptr());
    in_calls(flat.numel(), [&](int64_t first, int count) {
      MPI_Request request = MPI_REQUEST_NULL;
      check(MPI_Iallreduce(MPI_IN_PLACE, data + first * flat.element_size(), count, type, MPI_SUM, MPI_COMM_WORLD,
                           &request),
            "add up tensors");
      wait(request, "add up tensors");  // NOLINT(clang-analyzer-optin.mpi.MPI-Checker): tests until it is done
    });
  }

  void broadcast_flat(const at::Tensor& bytes) override {
    transfer("hand out tensors", MPI_BYTE, bytes.mutable_data_ptr(), bytes.numel());
  }

 private:
  template <typename Call>
  static void in_calls(int64_t elements, const Call& call) {
    for (int64_t first = 0; first < elements; first += kCallElements)
      call(first, static_cast<int>(std::min(kCallElements, elements - first)));
  }

  // Bytes or single numbers, from rank 0.
  void transfer(const char* doing, MPI_Datatype type, void* data, int64_t elements) {
    in_calls(elements, [&](int64_t first, int count) {
      MPI_Request request = MPI_REQUEST_NULL;
      check(MPI_Ibcast(static_cast<char*>(data) + first, count, type, 0, MPI_COMM_WORLD, &request), doing);
      wait(request, doing);  // NOLINT(clang-analyzer-optin.mpi.MPI-Checker): tests until it is done
    });
  }

  // MPI's own waiting spins for ever: on cores that others want that costs them their time, and a peer that hangs is
  // never told.
  void wait(MPI_Request& request, const char* doing) const {
    const auto begin = Clock::now();
    for (int done = 0;;) {
      check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), doing);
      if (done != 0) return;
      const auto waited = Clock::now() - begin;
      if (waited > timeout_)
        throw Error(ErrorKind::kRunFailed, "lost_rank",
                    cat("rank ", rank_, " has waited ", std::chrono::duration<double>(timeout_).count(),
                        " s for the other ranks to ", doing),
                    "parallel.timeout_minutes", "the logs of the other ranks, ranks/*.log in the run's folder");
      if (waited > std::chrono::microseconds(200)) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  std::chrono::milliseconds timeout_;
  int rank_ = 0, size_ = 1;
};

}  // namespace

std::unique_ptr<run::Ranks> join_ranks(const run::Job& job) {
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    throw Error(ErrorKind::kEnvironment, "no_rendezvous", "MPI cannot start here", "parallel.ranks",
                "mpirun -n 2 hostname says why");
  int launched = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &launched);
  check_rank_count(launched, job);
  return std::make_unique<MpiRanks>(rank_timeout(job));
}

}  // namespace frugal
