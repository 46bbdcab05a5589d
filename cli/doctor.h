// What this machine has and what is missing, one finding a subject, each with the command that mends it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace frugal::cli {

// warning: works, but not as well as it could, or in part.
enum class Health { kOk, kWarning, kMissing };
std::string_view name(Health health);  // "ok", "warning", "missing"

struct Finding {
  std::string name;  // what --require takes
  Health health = Health::kOk;
  std::string detail;
  std::string fix;  // a command, or what to set; "" where nothing is to be done
};
using Findings = std::vector<Finding>;

// cpu, memory, disk (of outputs/ below the working folder, or of the folder it would be made in).
Findings machine_findings();
// gpu, as the driver tells.
Findings gpu_findings();
// worker, libtorch, blas, cuda-worker, mpi-worker, hdf5: starts the workers on a job of nothing.
Findings worker_findings();
// data (which sets $FRUGAL_DATA_ROOT holds, each read), models (wheels that carry some), hf-cache.
Findings data_findings();
// video: starts the program that reads video files; slurm, ffmpeg: programs on PATH.
Findings tool_findings();
// smoke: runs experiment=smoke for some steps.
Findings smoke_findings();

}  // namespace frugal::cli
