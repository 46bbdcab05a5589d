// The front end's side of the protocol: a worker as a child process that a crash, an out-of-memory kill or a hang of
// its run never takes further.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/io/file.h"
#include "core/run/job.h"

namespace frugal::launch {

// frugal-worker-<flavour> beside the running program. Throws Error(environment, "no_worker").
std::filesystem::path worker_program(std::string_view flavour);

struct WorkerSpec {
  std::filesystem::path program = {};
  std::vector<std::pair<std::string, std::string>> environment = {};  // set or replaced, before exec
  std::vector<int> cores = {};                                        // run on these only; empty: on all
  std::filesystem::path stderr_file = {};                             // appended to; empty: ours
};

// The worker is killed by the kernel when the *thread* that started it ends: start workers from the main thread.
class WorkerProcess {
 public:
  // Throws Error(environment, "no_worker").
  explicit WorkerProcess(const WorkerSpec& spec);
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess();  // closes the job pipe, waits half a second, kills

  pid_t pid() const { return pid_; }
  // Readable when an answer or the end of the worker can be read with poll_result().
  int descriptor() const { return replies_.get(); }
  bool busy() const { return busy_; }
  bool ended() const { return ended_; }

  // Hands over a job. The worker must not be busy. If it has died, the next poll_result() says so.
  void send(const run::Job& job);
  // Reads what is there without waiting: the result of the job, once it has come or the worker has died of it.
  std::optional<run::JobResult> poll_result();
  // A worker that is still loading its libraries gets the signal as soon as it can answer it.
  void signal(int signal);
  // Ends the worker now; the result of a running job becomes `failed` with this reason.
  void kill(std::string code, std::string message);

 private:
  void read_available();
  run::JobResult death();

  pid_t pid_ = -1;
  int signal_ = 0;  // the last that was asked for
  io::Fd jobs_, replies_;
  std::string buffer_, job_id_;
  bool busy_ = false, ready_ = false, ended_ = false;
  std::string kill_code_, kill_message_;
  long oom_kills_at_start_ = 0;
  std::filesystem::path stderr_file_;
};

struct WaitLimits {
  std::chrono::milliseconds timeout = std::chrono::milliseconds::max();  // of the job; max() is none
  std::chrono::milliseconds grace = std::chrono::seconds(60);            // from a signal until the worker is killed
};
// Sends the job and waits for its end. Signals that come to us (run/signals.h) are passed on to the worker.
run::JobResult run_on(WorkerProcess& worker, const run::Job& job, const WaitLimits& limits = {});

}  // namespace frugal::launch
