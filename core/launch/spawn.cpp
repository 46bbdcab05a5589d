#include "core/launch/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "core/error.h"
#include "core/io/file.h"

namespace frugal::launch {

namespace fs = std::filesystem;

std::vector<char*> argument_pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

namespace {

class SpawnActions {
 public:
  SpawnActions() {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawnattr_init(&attributes_);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  void connect(const ChildSpec& spec) {
    ::posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!spec.stderr_file.empty())
      ::posix_spawn_file_actions_addopen(&files_, STDERR_FILENO, spec.stderr_file.c_str(),
                                         O_WRONLY | O_CREAT | O_APPEND, 0644);
    // Our stdout carries results only; what a library of the worker prints belongs to the log.
    ::posix_spawn_file_actions_adddup2(&files_, STDERR_FILENO, STDOUT_FILENO);
    for (const auto& [ours, theirs] : spec.descriptors) ::posix_spawn_file_actions_adddup2(&files_, ours, theirs);
  }
  // Signals as a fresh process has them.
  void isolate() {
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  pid_t start(const fs::path& program, std::vector<std::string> arguments, std::vector<std::string> environment) {
    arguments.insert(arguments.begin(), program.string());
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, program.c_str(), &files_, &attributes_, argument_pointers(arguments).data(),
                                    argument_pointers(environment).data());
    if (error != 0)
      throw Error(ErrorKind::kEnvironment, "no_worker", cat("cannot start the worker: ", std::strerror(error)),
                  program.string());
    return pid;
  }

 private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const bool replaced = std::any_of(changes.begin(), changes.end(), [&](const auto& change) {
      return text.size() > change.first.size() && text.starts_with(change.first) && text[change.first.size()] == '=';
    });
    if (!replaced) environment.emplace_back(text);
  }
  for (const auto& [key, value] : changes) environment.push_back(cat(key, "=", value));
  return environment;
}

}  // namespace

pid_t spawn(const ChildSpec& spec) {
  SpawnActions actions;
  actions.connect(spec);
  actions.isolate();
  return actions.start(spec.program, spec.arguments, environment_with(spec.environment));
}

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty() && ::access((fs::path(folder) / program).c_str(), X_OK) == 0) return true;
  return false;
}

long oom_kills() {
  std::string text;
  try {
    text = io::read_file("/proc/vmstat");
  } catch (const Error&) {
    return -1;
  }
  const auto at = text.find("\noom_kill ");
  return at == text.npos ? -1 : std::strtol(text.c_str() + at + 10, nullptr, 10);
}

}  // namespace frugal::launch
