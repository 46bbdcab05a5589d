// Starting the processes that runs live in.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace frugal::launch {

struct ChildSpec {
  std::filesystem::path program = {};
  std::vector<std::string> arguments = {};                            // behind the program's name
  std::vector<std::pair<std::string, std::string>> environment = {};  // set or replaced
  std::filesystem::path stderr_file = {};                             // appended to; empty: ours
  std::vector<std::pair<int, int>> descriptors = {};  // ours, each above all of theirs -> the child's number for it
};

// A child in a process group of its own, so that Ctrl-C reaches it once, passed on by us; with a fresh process's
// signals, nothing on stdin, and stdout sent where stderr goes. Throws Error(environment, "no_worker").
pid_t spawn(const ChildSpec& spec);

// As exec wants them, a null at the end; they point into `texts`.
std::vector<char*> argument_pointers(std::vector<std::string>& texts);

bool on_path(const std::string& program);

// How often the kernel has killed for memory since boot; -1 where it does not tell.
long oom_kills();

}  // namespace frugal::launch
