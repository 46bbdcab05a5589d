#include "cli/run_ranks.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "core/error.h"
#include "core/launch/rank_group.h"
#include "core/launch/spawn.h"
#include "core/log.h"
#include "core/run/nvml.h"
#include "core/run/signals.h"

namespace frugal::cli {
namespace {

launch::WorkerSpec worker_of(const PreparedJob& prepared) {
  return {.program = launch::worker_program(prepared.flavour), .environment = worker_environment(prepared.config)};
}

// What CUDA_VISIBLE_DEVICES may say for each GPU that we see; empty where no driver tells.
std::vector<std::string> visible_gpus() {
  std::vector<std::string> gpus;
  if (const char* chosen = std::getenv("CUDA_VISIBLE_DEVICES")) {
    std::istringstream list(chosen);
    for (std::string gpu; std::getline(list, gpu, ',');) gpus.push_back(gpu);
    return gpus;
  }
  const auto facts = run::gpu_facts();
  for (int i = 0; facts.contains(cat("gpu.", i, ".uuid")); ++i) gpus.push_back(facts.at(cat("gpu.", i, ".uuid")));
  return gpus;
}

// A port that nobody has now. The store that takes it a moment later says so where somebody was faster.
int free_port() {
  const io::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (!socket || ::bind(socket.get(), any, size) != 0 || ::getsockname(socket.get(), any, &size) != 0)
    io::throw_errno(errno, "find a free port on", "127.0.0.1");
  return ::ntohs(address.sin_port);
}

std::vector<launch::Variables> gpu_ranks(int ranks) {
  const std::vector<std::string> gpus = visible_gpus();
  if (!gpus.empty() && gpus.size() < static_cast<size_t>(ranks))
    throw Error(ErrorKind::kEnvironment, "too_few_gpus",
                cat("parallel.ranks is ", ranks, ", and there are ", gpus.size(), " GPUs; each rank takes one"),
                "parallel.ranks", cat("parallel.ranks=", gpus.size()));
  const std::string port = std::to_string(free_port()), size = std::to_string(ranks);
  std::vector<launch::Variables> of_rank;
  for (int rank = 0; rank < ranks; ++rank) {
    const std::string number = std::to_string(rank);
    of_rank.push_back({{"RANK", number},
                       {"LOCAL_RANK", number},
                       {"WORLD_SIZE", size},
                       {"MASTER_ADDR", "127.0.0.1"},
                       {"MASTER_PORT", port}});
    if (!gpus.empty()) of_rank.back().emplace_back("CUDA_VISIBLE_DEVICES", gpus[static_cast<size_t>(rank)]);
  }
  return of_rank;
}

// Open MPI's, on this machine only, whatever batch system we may be in.
std::vector<std::string> mpirun(int ranks) {
  if (!launch::on_path("mpirun"))
    throw Error(ErrorKind::kEnvironment, "no_mpirun", "ranks on the CPU are started by mpirun, which is not on PATH",
                "parallel.ranks", "apt-get install openmpi-bin, or parallel.ranks=1");
  std::vector<std::string> command = {
      "mpirun", "-n",  std::to_string(ranks),     "--oversubscribe", "--bind-to", "none", "--mca", "plm", "isolated",
      "--mca",  "ras", "^slurm,tm,lsf,gridengine"};
  if (::geteuid() == 0) command.emplace_back("--allow-run-as-root");
  return command;
}

void warn_of_few_cores(const run::Job& job) {
  const unsigned cores = std::thread::hardware_concurrency();
  if (cores > 0 && static_cast<unsigned>(job.ranks * job.threads) > cores)
    log::warning(job.ranks, " ranks with ", job.threads, " threads each share the ", cores, " cores of this machine");
}

}  // namespace

std::optional<run::RankPlace> launched_place(const PreparedJob& prepared) {
  const int ranks = prepared.job.ranks;
  auto place = run::place_in_environment();
  // A step of srun may hold one run that starts its ranks itself, or many that have nothing to do with each other.
  if (!place || (place->launcher == "srun" && (ranks == 1 || place->size == 1))) return std::nullopt;
  if (place->size != ranks)
    throw Error(ErrorKind::kUsage, "ranks_differ",
                cat(place->launcher, " has started ", place->size, " processes, and parallel.ranks is ", ranks),
                "parallel.ranks", cat("parallel.ranks=", place->size, ", or without ", place->launcher));
  if (ranks == 1) return std::nullopt;
  if (prepared.flavour == "mpi" && place->launcher == "torchrun")
    throw Error(ErrorKind::kUsage, "wrong_launcher", "on the CPU ranks meet through MPI, which torchrun does not start",
                "device.type", cat("mpirun -n ", ranks, " frugal run ..., or frugal run ... alone, which starts them"));
  return place;
}

launch::Runner rank_starter(const PreparedJob& prepared) {
  const launch::WorkerSpec worker = worker_of(prepared);
  launch::RankGroupSpec spec{.program = worker.program, .environment = worker.environment};
  if (prepared.flavour == "cuda") {
    spec.of_rank = gpu_ranks(prepared.job.ranks);
  } else {
    spec.launcher = mpirun(prepared.job.ranks);
    // Copies between processes by the kernel, which containers forbid: Open MPI then complains at every message.
    constexpr const char* kSingleCopy = "OMPI_MCA_btl_vader_single_copy_mechanism";
    if (std::getenv(kSingleCopy) == nullptr) spec.environment.emplace_back(kSingleCopy, "none");
    warn_of_few_cores(prepared.job);
  }
  return [spec](const run::Job& job) { return launch::run_on_ranks(spec, job); };
}

int follow_rank_zero(const PreparedJob& prepared) {
  run::install_signal_flag();
  launch::WorkerProcess worker(worker_of(prepared));
  const run::JobResult result = launch::run_on(worker, prepared.job);
  if (result.state == results::RunState::kFailed) throw run::as_error(result);
  return 0;
}

}  // namespace frugal::cli
