// One composed config as a job: checked, given its folder, run by a worker, its result file made.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config/compose.h"
#include "core/config/options.h"
#include "core/launch/worker_process.h"
#include "core/results/run_file.h"
#include "core/run/job.h"

namespace frugal::cli {

struct PreparedJob {
  config::Composition composition;
  Json config;  // resolved, without the hydra node
  std::string flavour;
  run::Job job;  // run_dir and resume are set by open_folder
};

// Composes, resolves and checks; touches no disk.
PreparedJob prepare_job(const config::ComposeRequest& request, const std::vector<std::string>& command_line);
// hydra.run.dir, or where that is Hydra's default a dated folder of our own. Makes it, writes .hydra/.
void open_folder(PreparedJob& prepared);
// Of the worker's process: thread counts, and what bit-equal repetition needs.
launch::WorkerSpec worker_spec(const std::string& flavour, const Json& config);
// Runs it, makes run.h5, returns what it holds; throws the run's error.
results::Finished run_to_end(PreparedJob& prepared);

}  // namespace frugal::cli
