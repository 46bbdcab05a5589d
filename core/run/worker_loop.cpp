#include "core/run/worker_loop.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "core/io/fault.h"
#include "core/io/file.h"
#include "core/log.h"
#include "core/run/signals.h"

namespace frugal::run {

using nlohmann::json;
using results::Recorder;
using results::RunState;

void RunContext::save_checkpoint(std::int64_t step,
                                 const std::function<void(const std::filesystem::path&)>& write) const {
  const std::string position = recorder.position().text();
  const std::int64_t ns = checkpoints.save(step, position, write);
  log::debug("checkpoint of step ", step, " in ", ns / 1'000'000, " ms");
}

void RunContext::record_plan(const std::map<std::string_view, double>& plan) const {
  for (const auto& [name, value] : plan)
    recorder.metric({.name = std::string(name), .value = value, .repeat = results::Repeat::kMayVary});
}

namespace {

// experiment.keep_checkpoints, a key of every experiment that saves any.
std::size_t checkpoints_to_keep(const Job& job) {
  const json::json_pointer key("/experiment/keep_checkpoints");
  const bool set = job.config.contains(key) && job.config[key].is_number_unsigned();
  return set ? job.config[key].get<std::size_t>() : 2;
}

}  // namespace

std::size_t RunContext::kept_checkpoints() const {
  return checkpoints_to_keep(job);
}

bool RunContext::stop_requested() const {
  return requested_signal() != 0;
}

namespace {

// Log lines go to the journal while a run lasts. A full disk must not end the program from within a log call: the
// journal throws the same error at the next result.
struct LogToJournal {
  explicit LogToJournal(Recorder& recorder) {
    log::set_listener([&recorder](log::Level, std::string_view line) {
      try {
        recorder.log(line);
      } catch (const Error&) {
        return;
      }
    });
  }
  ~LogToJournal() { log::set_listener(nullptr); }
};

// Takes the journal back to the newest checkpoint that is whole and fits it.
std::optional<Checkpoint> restore(const CheckpointStore& checkpoints, Recorder& recorder) {
  if (!recorder.resumed()) return std::nullopt;
  for (const std::int64_t step : checkpoints.steps()) {
    try {
      Checkpoint checkpoint = checkpoints.load(step);
      recorder.rewind(results::Position::parse(checkpoint.metadata));
      return checkpoint;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kBadData) throw;
      log::warning("the checkpoint of step ", step, " cannot be used: ", error.what());
    }
  }
  return std::nullopt;
}

Recorder open_recorder(const Job& job) {
  const results::RunHeader header{.run_id = {},
                                  .config_json = job.config.dump(),
                                  .config_yaml = job.config_yaml,
                                  .overrides = job.overrides,
                                  .choices = job.choices};
  return job.resume ? Recorder::resume(job.run_dir, header) : Recorder::create(job.run_dir, header);
}

void execute_recorded(const Job& job, const Execute& execute, const std::map<std::string, std::string>& provenance,
                      Recorder& recorder) {
  const LogToJournal listener(recorder);
  for (const auto* facts : {&job.provenance, &provenance})
    for (const auto& [key, value] : *facts) recorder.provenance(key, value);
  recorder.state(RunState::kRunning);
  RunContext context{.job = job,
                     .recorder = recorder,
                     .checkpoints = CheckpointStore(job.run_dir / "checkpoints", checkpoints_to_keep(job)),
                     .seeds = Seeds(job.seed())};
  context.restored = restore(context.checkpoints, recorder);
  fault::point("worker.job");
  execute(context);
}

// How `execute` ended, as a result; never throws what `execute` threw.
JobResult outcome_of(const Job& job, const std::function<void()>& body) {
  try {
    body();
    return {.id = job.id, .state = RunState::kDone, .exit_code = 0};
  } catch (const Interrupted& interrupted) {
    return {.id = job.id,
            .state = RunState::kInterrupted,
            .message = cat("stopped by signal ", interrupted.signal()),
            .exit_code = signal_exit_code(interrupted.signal())};
  } catch (const Error& error) {
    return failure(job.id, error);
  } catch (const std::bad_alloc&) {
    return failure(job.id, Error(ErrorKind::kEnvironment, "out_of_memory", "the machine's memory does not suffice", {},
                                 "a smaller batch, or a machine with more memory"));
  } catch (const std::exception& error) {
    return failure(job.id, Error(ErrorKind::kRunFailed, "exception", error.what()));
  } catch (...) {
    return failure(job.id, Error(ErrorKind::kRunFailed, "exception", "an exception of unknown type"));
  }
}

}  // namespace

JobResult run_job(const Job& job, const Execute& execute, const std::map<std::string, std::string>& provenance) {
  std::optional<Recorder> recorder;
  JobResult result = outcome_of(job, [&] {
    recorder.emplace(open_recorder(job));
    execute_recorded(job, execute, provenance, *recorder);
  });
  if (!recorder) return result;
  // Where even the final state cannot be written (disk full), the answer still tells how the run ended.
  const JobResult closing =
      outcome_of(job, [&] { recorder->state(result.state, result.error_kind, result.error_code, result.message); });
  return result.state == RunState::kDone ? closing : result;
}

namespace {

void die_with_parent(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[1]) != "--parent")
    throw Error(ErrorKind::kUsage, "worker_by_hand", "this is a worker of `frugal`, which starts it itself", {},
                "frugal run");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) io::throw_errno(errno, "tie the worker to its parent", "prctl");
  // The parent may have ended before the call above took effect.
  if (std::to_string(::getppid()) != argv[2])
    throw Error(ErrorKind::kEnvironment, "parent_gone", "the program that started this worker has ended");
}

// Lines from the jobs descriptor; a signal that comes while waiting ends the waiting.
class JobReader {
 public:
  // Nothing: the other end closed, or a signal came.
  std::optional<std::string> next() {
    while (true) {
      if (const auto end = buffer_.find('\n'); end != buffer_.npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      if (!wait()) return std::nullopt;
      char chunk[1U << 16U];
      const ssize_t got = ::read(kJobsFd, chunk, sizeof chunk);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) io::throw_errno(errno, "read jobs", "descriptor 3");
      if (got == 0) return std::nullopt;
      buffer_.append(chunk, static_cast<std::size_t>(got));
    }
  }

 private:
  // Signals are let in only inside ppoll, so that none slips in between the look at the flag and the wait.
  static bool wait() {
    sigset_t stop, former;
    ::sigemptyset(&stop);
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) ::sigaddset(&stop, signal);
    ::pthread_sigmask(SIG_BLOCK, &stop, &former);
    pollfd jobs{.fd = kJobsFd, .events = POLLIN, .revents = 0};
    if (requested_signal() == 0) ::ppoll(&jobs, 1, nullptr, &former);
    ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
    return requested_signal() == 0;
  }

  std::string buffer_;
};

void reply(const json& answer) {
  fault::point("worker.reply");
  io::write_all(kRepliesFd, io::as_bytes(answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"),
                "descriptor 4", "worker.reply.write");
}

int serve(const Execute& execute, const WorkerOptions& options) {
  const auto provenance = options.provenance ? options.provenance() : std::map<std::string, std::string>{};
  reply({{"hello", ::getpid()}});
  JobReader reader;
  while (const auto line = reader.next()) {
    const json text = json::parse(*line, nullptr, false);
    reply(to_json(run_job(job_from_json(text), execute, provenance)));
    if (requested_signal() != 0) break;
  }
  return requested_signal() == 0 ? 0 : signal_exit_code(requested_signal());
}

}  // namespace

int worker_main(int argc, char** argv, const Execute& execute, const WorkerOptions& options) {
  try {
    die_with_parent(argc, argv);
    install_signal_flag();
    return serve(execute, options);
  } catch (const Error& error) {
    log::error("worker: ", error.what());
    return exit_code(error.kind());
  } catch (const std::exception& error) {
    log::error("worker: ", error.what());
    return exit_code(ErrorKind::kRunFailed);
  }
}

}  // namespace frugal::run
