// Jobs of a sweep and how they are launched: shared by `frugal run -m` and `frugal table`.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/run_job.h"
#include "cli/run_options.h"
#include "core/launch/local_launcher.h"

namespace frugal::cli {

int sweep_run(const RunOptions& options, const std::vector<std::string>& command_line);

// The composed job with these overrides, to run in folder/hydra.sweep.subdir. number: hydra.job.num; null for a job of
// no sweep, whose folder the caller sets. Throws what prepare_job throws.
launch::SweepJob sweep_job(const RunOptions& options, const std::vector<std::string>& overrides,
                           std::optional<int> number, const std::filesystem::path& folder,
                           const std::vector<std::string>& command_line);
// Sets, in this process, what the workers of a sweep that begins with this job must have in their environment.
void set_worker_environment(const launch::SweepJob& first);
// hydra/launcher=local: configs/hydra/launcher/local.yaml names and explains the keys.
launch::SweepOptions launch_options(const config::Composition& composition,
                                    const std::vector<std::string>& command_line);

}  // namespace frugal::cli
