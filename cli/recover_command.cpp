// frugal recover: result files of runs that were killed.
#include <filesystem>
#include <iostream>

#include "cli/options.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/log.h"
#include "core/results/journal.h"
#include "core/results/run_file.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> run_folders(const std::vector<std::string>& words) {
  std::vector<fs::path> folders;
  for (const fs::path path : words) {
    if (fs::is_regular_file(path)) {
      folders.push_back(path.parent_path().empty() ? fs::path(".") : path.parent_path());
      continue;
    }
    if (!fs::is_directory(path)) io::throw_errno(ENOENT, "look for runs", path);
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.path().filename() == results::kJournalName) folders.push_back(entry.path().parent_path());
  }
  return folders;
}

// Returns the exit code for this folder.
int recover(const fs::path& folder) {
  try {
    const results::Finished finished = results::finish_run(folder, std::nullopt, true);
    std::cout << finished.file.string() << "  " << name(finished.status);
    if (finished.lost_bytes > 0) std::cout << "  " << finished.lost_bytes << " bytes of the journal were lost";
    for (const auto& array : finished.lost_arrays) std::cout << "  array " << array << " was lost";
    std::cout << "\n";
    return 0;
  } catch (const Error& error) {
    if (error.code() == "run_locked") {
      std::cout << folder.string() << "  running, left alone\n";
      return 0;
    }
    log::error(folder.string(), ": ", error.what());
    return exit_code(error.kind());
  }
}

}  // namespace

int recover_command(std::span<const std::string> args) {
  const Parsed parsed =
      parse_options(args, "frugal recover PATH...",
                    "Makes run.h5 from the journal of every run at and below the paths, for runs that were\n"
                    "killed before they could. What runs now is left alone.",
                    boost::program_options::options_description("options"), 1);
  if (parsed.help) return 0;
  const auto folders = run_folders(parsed.words);
  if (folders.empty()) throw Error(ErrorKind::kUsage, "no_runs", "no run.journal at or below these paths");
  int worst = 0;
  for (const auto& folder : folders) worst = std::max(worst, recover(folder));
  return worst;
}

}  // namespace frugal::cli
