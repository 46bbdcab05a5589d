#include "core/run/run_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <random>

#include "core/error.h"
#include "core/io/file.h"
#include "core/results/journal.h"
#include "core/results/run_data.h"

namespace frugal::run {

namespace fs = std::filesystem;
using results::RunState;

namespace {

std::string local_time(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  char text[64];
  text[std::strftime(text, sizeof text, format, &parts)] = '\0';
  return text;
}

std::string random_suffix() {
  std::random_device random;
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string suffix;
  for (int i = 0; i < 6; ++i) suffix += kLetters[random() % kLetters.size()];
  return suffix;
}

}  // namespace

fs::path make_dated_folder(const fs::path& base) {
  const fs::path day = base / local_time("%Y-%m-%d");
  fs::create_directories(day);
  for (int tries = 0; tries < 100; ++tries) {
    const fs::path path = day / (local_time("%H-%M-%S") + "-" + random_suffix());
    if (::mkdir(path.c_str(), 0755) == 0) return path;
    if (errno != EEXIST) io::throw_errno(errno, "make a folder for the run", path);
  }
  throw Error(ErrorKind::kEnvironment, "no_run_folder", "100 names for the run's folder were all taken", day.string());
}

std::string_view name(FolderStatus status) {
  switch (status) {
    case FolderStatus::kFresh:
      return "fresh";
    case FolderStatus::kRunning:
      return "running";
    case FolderStatus::kDone:
      return "done";
    case FolderStatus::kFailed:
      return "failed";
    case FolderStatus::kInterrupted:
      return "interrupted";
  }
  return "fresh";
}

FolderStatus folder_status(const fs::path& run_dir) {
  const fs::path journal = run_dir / results::kJournalName;
  if (!fs::exists(journal)) return FolderStatus::kFresh;
  try {
    const io::Fd lock = results::lock_journal(journal);
    switch (results::replay_file(journal).data.state()) {
      case RunState::kDone:
        return FolderStatus::kDone;
      case RunState::kFailed:
        return FolderStatus::kFailed;
      default:
        return FolderStatus::kInterrupted;
    }
  } catch (const Error& error) {
    if (error.code() == "run_locked") return FolderStatus::kRunning;
    if (error.code() == "journal_empty") return FolderStatus::kInterrupted;
    throw;
  }
}

bool prepare_folder(const fs::path& run_dir, Existing existing) {
  std::error_code failed;
  fs::create_directories(run_dir, failed);
  if (failed) io::throw_errno(failed.value(), "make the run's folder", run_dir);
  const FolderStatus status = folder_status(run_dir);
  if (status == FolderStatus::kFresh) return false;
  if (status == FolderStatus::kRunning)
    throw Error(ErrorKind::kUsage, "run_locked", "another process is running in this folder", run_dir.string(),
                "wait until it ends, or choose another folder (hydra.run.dir)");
  const bool resumable = status == FolderStatus::kInterrupted && existing != Existing::kRefuse;
  const bool retried = status == FolderStatus::kFailed && existing == Existing::kRetryFailed;
  if (resumable || retried) return true;
  throw Error(ErrorKind::kUsage, "run_exists", cat("this folder already holds a run that is ", name(status)),
              run_dir.string(), "choose another folder (hydra.run.dir)");
}

void write_hydra_files(const fs::path& run_dir, std::string_view config_yaml, std::string_view hydra_yaml,
                       const std::vector<std::string>& overrides) {
  const fs::path folder = run_dir / ".hydra";
  fs::create_directories(folder);
  // A JSON list is a YAML list too, with the quoting that overrides need.
  const std::string list = overrides.empty() ? "[]\n" : [&] {
    std::string text;
    for (const auto& item : overrides)
      text += "- " + nlohmann::json(item).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    return text;
  }();
  // Not synced: the journal holds the same config, and is.
  io::write_atomic(folder / "config.yaml", config_yaml, io::Durability::kNoSync);
  io::write_atomic(folder / "hydra.yaml", hydra_yaml, io::Durability::kNoSync);
  io::write_atomic(folder / "overrides.yaml", list, io::Durability::kNoSync);
}

}  // namespace frugal::run
