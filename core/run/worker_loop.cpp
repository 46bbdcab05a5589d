#include "core/run/worker_loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <new>

#include "core/io/fault.h"
#include "core/io/file.h"
#include "core/log.h"
#include "core/run/provenance.h"
#include "core/run/signals.h"
#include "core/run/worker_channel.h"

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

using Facts = std::map<std::string, std::string>;

RunContext context_of(const Job& job, Recorder& recorder, Ranks* ranks) {
  return {.job = job,
          .recorder = recorder,
          .checkpoints = CheckpointStore(job.run_dir / "checkpoints", checkpoints_to_keep(job)),
          .seeds = Seeds(job.seed()),
          .ranks = ranks};
}

void execute_recorded(const Job& job, const Execute& execute, const Facts& provenance, Recorder& recorder,
                      Ranks* ranks) {
  const LogToJournal listener(recorder);
  for (const auto* facts : {&job.provenance, &provenance})
    for (const auto& [key, value] : *facts) recorder.provenance(key, value);
  if (ranks == nullptr && recorder.resumed()) {  // maybe from a run of several
    recorder.provenance("parallel.ranks", "1");
    recorder.provenance("parallel.backend", "none");
  }
  recorder.state(RunState::kRunning);
  RunContext context = context_of(job, recorder, ranks);
  context.restored = restore(context.checkpoints, recorder);
  if (ranks != nullptr) ranks->share(context.restored ? std::to_string(context.restored->step) : "");
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

JobResult run_job(const Job& job, const Execute& execute, const Facts& provenance, Ranks* ranks) {
  std::optional<Recorder> recorder;
  JobResult result = outcome_of(job, [&] {
    recorder.emplace(open_recorder(job));
    execute_recorded(job, execute, provenance, *recorder, ranks);
  });
  if (!recorder) return result;
  // Where even the final state cannot be written (disk full), the answer still tells how the run ended.
  // A run whose peer was lost can go on from its checkpoint, as one whose worker was killed.
  const RunState state = result.error_code == "lost_rank" ? RunState::kInterrupted : result.state;
  const JobResult closing =
      outcome_of(job, [&] { recorder->state(state, result.error_kind, result.error_code, result.message); });
  return result.state == RunState::kDone ? closing : result;
}

namespace {

void die_with_parent(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[1]) != "--parent")
    throw Error(ErrorKind::kUsage, "worker_by_hand", "this is a worker of `frugal`, which starts it itself", {},
                "frugal run");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) io::throw_errno(errno, "tie the worker to its parent", "prctl");
  if (std::string_view(argv[2]) == kLauncherParent) return;
  // The parent may have ended before the call above took effect.
  if (std::to_string(::getppid()) != argv[2])
    throw Error(ErrorKind::kEnvironment, "parent_gone", "the program that started this worker has ended");
}

// From here on what this process logs and prints goes to the end of `file`.
void log_to(const std::filesystem::path& file) {
  std::filesystem::create_directories(file.parent_path());
  const io::Fd log = io::open_file(file, O_WRONLY | O_CREAT | O_APPEND);
  for (const int standard : {STDOUT_FILENO, STDERR_FILENO})
    if (::dup2(log.get(), standard) < 0) io::throw_errno(errno, "log to", file);
}

// The part of a rank beside rank 0: the same computation, without results and without a journal.
JobResult follow(const Job& job, const Execute& execute, Ranks& ranks) {
  return outcome_of(job, [&] {
    log_to(rank_log(job.run_dir, ranks.rank()));
    log::info("rank ", ranks.rank(), " of ", ranks.size(), ", process ", ::getpid(), " on ", host_name());
    Recorder recorder = Recorder::none();
    RunContext context = context_of(job, recorder, &ranks);
    if (const std::string step = ranks.share({}); !step.empty())
      context.restored = context.checkpoints.load(std::stoll(step));
    fault::point("worker.follow");
    execute(context);
  });
}

// The ranks' own jobs name no folder; what counts is rank 0's.
JobResult run_ranked(Job job, const Execute& execute, const WorkerOptions& options, Facts provenance,
                     std::unique_ptr<Ranks>& ranks) {
  JobResult joined = outcome_of(job, [&] {
    if (!options.join)
      throw Error(ErrorKind::kUsage, "one_process", "this worker runs in one process only", "parallel.ranks");
    ranks = options.join(job);
    job = job_from_json(json::parse(ranks->share(to_json(job).dump())));
  });
  if (joined.state != RunState::kDone) return joined;
  if (ranks->rank() != 0) return follow(job, execute, *ranks);
  provenance["parallel.ranks"] = std::to_string(ranks->size());
  provenance["parallel.backend"] = ranks->backend();
  return run_job(job, execute, provenance, ranks.get());
}

// A process serves one such run: its group ends with it. Failures are told before others are torn out of their waiting.
int serve_ranked(const Job& job, const Execute& execute, const WorkerOptions& options, const Facts& provenance) {
  std::unique_ptr<Ranks> ranks;
  const JobResult result = run_ranked(job, execute, options, provenance, ranks);
  reply(to_json(result));
  const bool well = result.state != RunState::kFailed;
  if (!well && ranks && ranks->rank() != 0) log::error(as_error(result).what());
  if (ranks) ranks->leave(well);
  return well ? 0 : result.exit_code;
}

int serve(const Execute& execute, const WorkerOptions& options) {
  const auto provenance = options.provenance ? options.provenance() : Facts{};
  const auto place = place_in_environment();
  reply({{"hello", ::getpid()}, {"rank", place ? place->rank : 0}, {"host", host_name()}});
  JobReader reader;
  while (const auto line = reader.next()) {
    const Job job = job_from_json(json::parse(*line, nullptr, false));
    if (job.ranks > 1) return serve_ranked(job, execute, options, provenance);
    reply(to_json(run_job(job, execute, provenance)));
    if (requested_signal() != 0) break;
  }
  return requested_signal() == 0 ? 0 : signal_exit_code(requested_signal());
}

}  // namespace

std::filesystem::path rank_log(const std::filesystem::path& run_dir, int rank) {
  return run_dir / "ranks" / cat(rank, ".log");
}

int worker_main(int argc, char** argv, const Execute& execute, const WorkerOptions& options) {
  try {
    die_with_parent(argc, argv);
    install_signal_flag();
    connect_channel();
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
