// The folder of a run: made exclusively, and asked what became of the run in it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/run/job.h"

namespace frugal::run {

// <base>/<YYYY-MM-DD>/<HH-MM-SS>-<suffix>, made now and by nobody else: processes started in the same second get
// different suffixes.
std::filesystem::path make_dated_folder(const std::filesystem::path& base = "outputs");

enum class FolderStatus {
  kFresh,        // no run yet
  kRunning,      // another process writes it
  kDone,         // a result is here
  kFailed,       // the run failed
  kInterrupted,  // it can be resumed
};
std::string_view name(FolderStatus status);
// Reads the journal's last state. Throws Error(bad_data) for a damaged journal.
FolderStatus folder_status(const std::filesystem::path& run_dir);

enum class Existing { kRefuse, kResume, kRetryFailed };
// Makes the folder where it is missing and decides whether the run starts or resumes (the returned value, for
// Job::resume). An interrupted run is resumed by kResume and kRetryFailed, a failed one by kRetryFailed only. Throws
// Error(usage): "run_exists" for a finished or failed run, "run_locked" for a running one.
bool prepare_folder(const std::filesystem::path& run_dir, Existing existing);

// run_dir/.hydra/{config,hydra,overrides}.yaml, as Hydra leaves them.
void write_hydra_files(const std::filesystem::path& run_dir, std::string_view config_yaml, std::string_view hydra_yaml,
                       const std::vector<std::string>& overrides);

}  // namespace frugal::run
