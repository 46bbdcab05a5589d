// One composed config as a job: checked, given its folder, run by a worker, its result file made.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config/compose.h"
#include "core/config/options.h"
#include "core/launch/run_once.h"
#include "core/results/run_data.h"
#include "core/run/job.h"

namespace frugal::cli {

struct PreparedJob {
  config::Composition composition;
  Json config;  // resolved, without the hydra node
  std::string flavour;
  run::Job job;  // run_dir is set by run_to_end
};

// Composes, resolves and checks; touches no disk.
PreparedJob prepare_job(const config::ComposeRequest& request, const std::vector<std::string>& command_line);
// hydra.run.dir, or where that is Hydra's default a dated folder of our own that no other run shares.
std::filesystem::path run_folder(const config::Composition& composition);
// What a worker must have in its environment before it starts: thread counts, and what bit-equal repetition needs.
// Variables that the user has set stay as they are.
std::vector<std::pair<std::string, std::string>> worker_environment(const Json& config);
// Runs it in `folder` (an interrupted run there goes on) and makes run.h5. Throws the run's error; a run that a signal
// interrupted is no error, and has no result file if it was stopped before it began.
launch::RunOutcome run_to_end(PreparedJob& prepared, const std::filesystem::path& folder);

// The same in the folder that the config names; prints metrics, content hash and file. Returns the exit code.
int run_and_print(PreparedJob& prepared);
// --dry-run: builds all that the job needs and times a few steps, in a temporary folder; prints steps, time, memory and
// disk, for `jobs` of them too. Nothing stays. Returns the exit code.
int dry_run(PreparedJob& prepared, std::size_t jobs = 1);
// The job of a recorded run: config, overrides, choices and threads as its file holds them, checked; no composition.
PreparedJob recorded_job(const results::RunData& data);

}  // namespace frugal::cli
