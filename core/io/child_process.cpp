#include "core/io/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/io/file.h"

extern char** environ;

namespace frugal::io {
namespace {

pid_t start(const std::filesystem::path& program, const std::vector<std::string>& arguments, int output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw_errno(error, "start a child process", program);
  return pid;
}

// Reads until the other end closes. Returns why it stopped before that, or "".
std::string read_output(int fd, std::string& output, const ChildLimits& limits) {
  using Clock = std::chrono::steady_clock;
  auto deadline = Clock::now() + limits.silence;
  char chunk[1U << 16U];
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return cat("silence for ", limits.silence.count(), " s");
    pollfd poll{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&poll, 1, static_cast<int>(left)) <= 0) continue;
    const ssize_t got = ::read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "read from a child process", "pipe");
    if (got == 0) return {};
    output.append(chunk, static_cast<std::size_t>(got));
    deadline = Clock::now() + limits.silence;
    if (output.size() > limits.output_bytes) return "more output than is accepted";
  }
}

std::string failure_of(int status) {
  if (WIFSIGNALED(status)) return cat("signal ", WTERMSIG(status), " (", ::strsignal(WTERMSIG(status)), ")");
  return WEXITSTATUS(status) == 0 ? std::string() : cat("exit code ", WEXITSTATUS(status));
}

}  // namespace

ChildResult run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                      const ChildLimits& limits) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno(errno, "make a pipe", "pipe");
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  const pid_t pid = start(program, arguments, write_end.get());
  write_end.reset();
  ChildResult result;
  std::string stopped;
  try {
    stopped = read_output(read_end.get(), result.output, limits);
  } catch (...) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    throw;
  }
  if (!stopped.empty()) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.failure = stopped.empty() ? failure_of(status) : stopped;
  return result;
}

void limit_this_process([[maybe_unused]] const ChildLimits& limits) {
  const auto set = [](auto resource, std::uint64_t value, const char* what) {
    const rlimit limit{.rlim_cur = value, .rlim_max = value};
    if (::setrlimit(resource, &limit) != 0) throw_errno(errno, cat("limit ", what), "setrlimit");
  };
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  set(RLIMIT_AS, limits.memory_bytes, "memory");  // the sanitizers reserve terabytes of address space
#endif
  set(RLIMIT_CORE, 0, "core files");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) throw_errno(errno, "tie a child to its parent", "prctl");
}

}  // namespace frugal::io
