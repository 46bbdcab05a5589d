#include "core/launch/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "core/error.h"
#include "core/launch/spawn.h"
#include "core/log.h"
#include "core/run/signals.h"
#include "core/run/worker_channel.h"

namespace frugal::launch {

namespace fs = std::filesystem;
using nlohmann::json;
using run::JobResult;

fs::path worker_program(std::string_view flavour) {
  const fs::path path = fs::read_symlink("/proc/self/exe").parent_path() / cat("frugal-worker-", flavour);
  if (::access(path.c_str(), X_OK) != 0)
    throw Error(ErrorKind::kEnvironment, "no_worker", cat("this installation has no worker '", flavour, "'"),
                path.string(), "frugal doctor");
  return path;
}

namespace {

struct Pipe {
  io::Fd read, write;
};

// Both ends above the descriptors that the worker gets, so that placing one never overwrites another.
Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) io::throw_errno(errno, "make a pipe", "pipe");
  const io::Fd low_read(ends[0]);
  const io::Fd low_write(ends[1]);
  Pipe pipe{.read = io::Fd(::fcntl(ends[0], F_DUPFD_CLOEXEC, 10)),
            .write = io::Fd(::fcntl(ends[1], F_DUPFD_CLOEXEC, 10))};
  if (!pipe.read || !pipe.write) io::throw_errno(errno, "make a pipe", "pipe");
  return pipe;
}

// A child inherits the affinity of the thread that starts it; set there, it holds before the first library loads.
class Affinity {
 public:
  explicit Affinity(const std::vector<int>& cores) {
    if (cores.empty() || ::sched_getaffinity(0, sizeof former_, &former_) != 0) return;
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    for (const int core : cores) CPU_SET(static_cast<std::size_t>(core), &wanted);
    changed_ = ::sched_setaffinity(0, sizeof wanted, &wanted) == 0;
    if (!changed_) log::warning("cannot bind a worker to its cores: ", std::strerror(errno));
  }
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;
  ~Affinity() {
    if (changed_ && ::sched_setaffinity(0, sizeof former_, &former_) != 0)
      log::warning("cannot go back to all cores: ", std::strerror(errno));
  }

 private:
  cpu_set_t former_{};
  bool changed_ = false;
};

}  // namespace

WorkerProcess::WorkerProcess(const WorkerSpec& spec)
    : oom_kills_at_start_(oom_kills()), stderr_file_(spec.stderr_file) {
  Pipe jobs = make_pipe();
  Pipe replies = make_pipe();
  {
    const Affinity affinity(spec.cores);
    pid_ = spawn({.program = spec.program,
                  .arguments = {"--parent", std::to_string(::getpid())},
                  .environment = spec.environment,
                  .stderr_file = spec.stderr_file,
                  .descriptors = {{jobs.read.get(), run::kJobsFd}, {replies.write.get(), run::kRepliesFd}}});
  }
  jobs_ = std::move(jobs.write);
  replies_ = std::move(replies.read);
  if (::fcntl(replies_.get(), F_SETFL, O_NONBLOCK) != 0) io::throw_errno(errno, "set up a pipe", "pipe");
}

WorkerProcess::~WorkerProcess() {
  if (pid_ < 0) return;
  jobs_.reset();
  constexpr auto kStep = std::chrono::milliseconds(2);
  for (auto waited = kStep * 0; waited < std::chrono::milliseconds(500) && !busy_; waited += kStep) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return;
    std::this_thread::sleep_for(kStep);
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void WorkerProcess::send(const run::Job& job) {
  busy_ = true;
  job_id_ = job.id;
  const std::string line = to_json(job).dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  try {
    io::write_all(jobs_.get(), io::as_bytes(line), "the worker's pipe", "worker.send");
  } catch (const Error& error) {
    log::debug("job ", job.id, " did not reach its worker: ", error.what());  // its death is told by poll_result
  }
}

void WorkerProcess::read_available() {
  char chunk[1U << 14U];
  while (true) {
    const ssize_t got = ::read(replies_.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) io::throw_errno(errno, "read from a worker", "pipe");
    if (got == 0) {
      ended_ = true;
      return;
    }
    buffer_.append(chunk, static_cast<std::size_t>(got));
  }
}

std::optional<JobResult> WorkerProcess::poll_result() {
  if (!ended_) read_available();
  for (auto end = buffer_.find('\n'); end != buffer_.npos; end = buffer_.find('\n')) {
    const json text = json::parse(buffer_.substr(0, end), nullptr, false);
    buffer_.erase(0, end + 1);
    if (text.is_object() && text.contains("hello")) {
      ready_ = true;
      if (signal_ != 0) signal(signal_);
      continue;
    }
    busy_ = false;
    return run::result_from_json(text);
  }
  if (!ended_) return std::nullopt;
  JobResult result = death();
  if (!std::exchange(busy_, false)) return std::nullopt;
  return result;
}

void WorkerProcess::signal(int signal) {
  signal_ = signal;
  if (!ended_ && (ready_ || signal == SIGKILL)) ::kill(pid_, signal);
}

void WorkerProcess::kill(std::string code, std::string message) {
  kill_code_ = std::move(code);
  kill_message_ = std::move(message);
  signal(SIGKILL);
}

// Reaps the process and says what ended it. A worker that closed its pipe is ending; if it does not, it is killed.
JobResult WorkerProcess::death() {
  if (pid_ < 0)
    return run::failure(job_id_, Error(ErrorKind::kRunFailed, "worker_gone", "the worker had ended before"));
  int status = 0;
  for (int tries = 0; ::waitpid(pid_, &status, WNOHANG) == 0; ++tries) {
    if (tries == 1000) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  pid_ = -1;
  const std::string log_hint = stderr_file_.empty() ? "" : cat("its last words are in ", stderr_file_.string());
  const auto fail = [&](ErrorKind kind, std::string code, std::string message) {
    return run::failure(job_id_, Error(kind, std::move(code), std::move(message), {}, log_hint));
  };
  if (!kill_code_.empty()) return fail(ErrorKind::kRunFailed, kill_code_, kill_message_);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    const long kills = oom_kills();
    if (kills > oom_kills_at_start_ && oom_kills_at_start_ >= 0)
      return fail(ErrorKind::kEnvironment, "out_of_memory", "the kernel killed the worker for lack of memory");
    return fail(ErrorKind::kRunFailed, "worker_killed", "the worker was killed (SIGKILL)");
  }
  if (WIFSIGNALED(status))
    return fail(ErrorKind::kRunFailed, "worker_crashed",
                cat("the worker crashed: signal ", WTERMSIG(status), " (", ::strsignal(WTERMSIG(status)), ")"));
  const int code = WEXITSTATUS(status);
  if (ready_ && signal_ != 0 && code == run::signal_exit_code(signal_))
    return {.id = job_id_,
            .state = results::RunState::kInterrupted,
            .message = cat("stopped by signal ", signal_, " before it began"),
            .exit_code = code};
  if (!ready_)
    return fail(ErrorKind::kEnvironment, "worker_start", cat("the worker ended before it was ready, exit code ", code));
  return fail(ErrorKind::kRunFailed, "worker_exited", cat("the worker ended in the middle of a run, exit code ", code));
}

namespace {

// Passes our signal on, once, and ends a worker that does not stop in time.
class SignalRelay {
 public:
  SignalRelay(WorkerProcess& worker, std::chrono::milliseconds grace) : worker_(worker), grace_(grace) {}

  void check() {
    const int signal = run::requested_signal();
    if (signal == 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (!sent_at_) {
      sent_at_ = now;
      worker_.signal(signal);
    } else if (now - *sent_at_ > grace_) {
      worker_.kill("not_stopping", cat("the run did not stop within ", grace_.count(), " ms of signal ", signal));
    }
  }

 private:
  WorkerProcess& worker_;
  std::chrono::milliseconds grace_;
  std::optional<std::chrono::steady_clock::time_point> sent_at_;
};

}  // namespace

JobResult run_on(WorkerProcess& worker, const run::Job& job, const WaitLimits& limits) {
  const auto start = std::chrono::steady_clock::now();
  worker.send(job);
  SignalRelay relay(worker, limits.grace);
  while (true) {
    if (auto result = worker.poll_result()) return *result;
    relay.check();
    if (limits.timeout != std::chrono::milliseconds::max() && std::chrono::steady_clock::now() - start > limits.timeout)
      worker.kill("timeout", cat("the run took longer than its limit of ", limits.timeout.count(), " ms"));
    pollfd replies{.fd = worker.descriptor(), .events = POLLIN, .revents = 0};
    ::poll(&replies, 1, 50);
  }
}

}  // namespace frugal::launch
