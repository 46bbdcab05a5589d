#include <stdlib.h>

#include <filesystem>

#include "cli/components.h"
#include "cli/doctor.h"
#include "cli/run_job.h"
#include "cli/run_options.h"
#include "core/error.h"
#include "core/io/scratch_folder.h"
#include "core/launch/run_once.h"
#include "core/launch/spawn.h"
#include "core/results/journal.h"
#include "core/results/run_data.h"
#include "core/run/provenance.h"
#include "core/run/worker_loop.h"

namespace frugal::cli {
namespace {

using run::fact;
using Facts = std::map<std::string, std::string>;

// What a worker says of itself on a job of nothing. Throws the reason why it cannot.
Facts ask_worker(const std::string& flavour) {
  const io::ScratchFolder folder;
  run::Job job{.id = "doctor",
               .run_dir = folder.path() / "run",
               .config = {{"experiment", {{"name", run::kProbeExperiment}, {"ms", 0}}}}};
  const launch::RunOutcome outcome =
      launch::run_once(job, "", run::Existing::kRefuse,
                       {.program = launch::worker_program(flavour), .stderr_file = folder.path() / "stderr"});
  if (outcome.result.state != results::RunState::kDone) throw run::as_error(outcome.result);
  return results::replay_file(folder.path() / "run" / results::kJournalName).data.provenance;
}

Finding missing(std::string name, const Error& error, std::string fix) {
  return {.name = std::move(name), .health = Health::kMissing, .detail = error.message(), .fix = std::move(fix)};
}

Finding blas(const Facts& facts) {
  const std::string library = fact(facts, "library.blas");
  if (library.find("libtorch_cpu") != library.npos)
    return {.name = "blas", .detail = "matrix products are LibTorch's own (" + library + ")"};
  return {.name = "blas",
          .health = Health::kWarning,
          .detail = cat("sgemm_ comes from ", library.empty() ? "nowhere" : library,
                        ", not from LibTorch: products are up to 20 times slower"),
          .fix = "take that library out of LD_PRELOAD and LD_LIBRARY_PATH, or scripts/build release"};
}

Finding cuda_worker() {
  try {
    const Facts facts = ask_worker("cuda");
    const std::string devices = fact(facts, "cuda.devices");
    if (devices != "0") return {.name = "cuda-worker", .detail = cat("starts; ", fact(facts, "cuda.device"))};
    return {.name = "cuda-worker",
            .health = Health::kWarning,
            .detail = "starts, and sees no usable GPU: device=cuda will be refused",
            .fix = "device=cpu, or a machine where nvidia-smi lists a GPU"};
  } catch (const Error& error) {
    return missing("cuda-worker", error,
                   error.code() == "no_worker" ? "put nvcc (12.6 or later) on PATH, then: scripts/build cuda" : "");
  }
}

Finding mpi_worker() {
  constexpr const char* kFix = "scripts/setup && cmake --preset release && scripts/build release";
  try {
    ask_worker("mpi");
  } catch (const Error& error) {
    return missing("mpi-worker", error, kFix);
  }
  if (launch::on_path("mpirun")) return {.name = "mpi-worker", .detail = "starts; mpirun on PATH"};
  return {.name = "mpi-worker",
          .health = Health::kMissing,
          .detail = "starts, and no mpirun is on PATH: parallel.ranks above 1 will be refused on the CPU",
          .fix = "apt-get install openmpi-bin"};
}

}  // namespace

Findings worker_findings() {
  Findings findings;
  try {
    ask_worker("plain");
    findings.push_back({.name = "worker", .detail = "frugal-worker-plain starts and records"});
  } catch (const Error& error) {
    findings.push_back(missing("worker", error, "scripts/build release"));
  }
  try {
    const Facts facts = ask_worker("cpu");
    findings.push_back({.name = "libtorch", .detail = cat(fact(facts, "library.libtorch"), ", the CPU worker starts")});
    findings.push_back(blas(facts));
  } catch (const Error& error) {
    findings.push_back(missing("libtorch", error, "scripts/setup && scripts/build release"));
  }
  findings.push_back(cuda_worker());
  findings.push_back(mpi_worker());
  return findings;
}

Findings smoke_findings() {
  const io::ScratchFolder folder;
  try {
    RunOptions options;
    options.overrides = {"experiment=smoke", "experiment.max_steps=20"};
    PreparedJob prepared = prepare_job(options.request(), {"frugal", "doctor", "--smoke"});
    const launch::RunOutcome outcome = run_to_end(prepared, folder.path() / "run");
    if (!outcome.finished) return {missing("smoke", run::as_error(outcome.result), "frugal run experiment=smoke")};
    const results::Finished& finished = *outcome.finished;
    return {{.name = "smoke",
             .detail = cat("20 steps of experiment=smoke: ", finished.metrics.size(), " metrics, content hash ",
                           finished.content_hash.substr(0, 12))}};
  } catch (const Error& error) {
    return {missing("smoke", error, "frugal run experiment=smoke")};
  }
}

}  // namespace frugal::cli
