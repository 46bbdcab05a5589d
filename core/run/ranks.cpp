#include "core/run/ranks.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace frugal::run {
namespace {

struct Launcher {
  const char *name, *rank, *size, *local_rank;
};
constexpr Launcher kLaunchers[] = {
    {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK"},
    {"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"},
    {"mpirun", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"}};

int number(const char* variable, const char* text) {
  int value = -1;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || stop != end || value < 0)
    throw Error(ErrorKind::kUsage, "bad_rank", cat("must be a whole number, at least 0, found '", text, "'"), variable,
                cat("let the launcher set it, or unset ", variable));
  return value;
}

}  // namespace

std::optional<RankPlace> place_in_environment() {
  for (const Launcher& launcher : kLaunchers) {
    const char *rank = std::getenv(launcher.rank), *size = std::getenv(launcher.size);
    if (rank == nullptr || size == nullptr) continue;
    RankPlace place{
        .rank = number(launcher.rank, rank), .size = number(launcher.size, size), .launcher = launcher.name};
    const char* local = std::getenv(launcher.local_rank);
    place.local_rank = local != nullptr ? number(launcher.local_rank, local) : place.rank;
    if (place.rank >= place.size)
      throw Error(ErrorKind::kUsage, "bad_rank", cat("rank ", place.rank, " of ", place.size, " cannot be"),
                  launcher.rank, cat("let ", launcher.name, " set ", launcher.rank, " and ", launcher.size));
    return place;
  }
  return std::nullopt;
}

std::string host_name() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace frugal::run
