#include "core/launch/local_launcher.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <optional>
#include <thread>

#include "core/error.h"
#include "core/launch/finisher.h"
#include "core/log.h"
#include "core/results/index.h"
#include "core/results/journal.h"
#include "core/results/run_file.h"
#include "core/run/provenance.h"
#include "core/run/signals.h"
#include "core/text.h"

namespace frugal::launch {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using results::RunState;
constexpr std::string_view kCancelName = "sweep.cancel";

// A place in the pool: the worker in it, what it is bound to, and the job it runs.
struct Slot {
  std::vector<int> cores;
  std::string gpu;
  std::string flavour;
  std::unique_ptr<WorkerProcess> worker;
  std::optional<std::size_t> job;
  Clock::time_point started;
};

std::vector<Slot> make_slots(const SweepOptions& options) {
  const std::size_t gpu_slots = options.gpus.size() * static_cast<std::size_t>(std::max(options.jobs_per_gpu, 1));
  std::vector<Slot> slots(options.gpus.empty() ? static_cast<std::size_t>(std::max(options.n_jobs, 1)) : gpu_slots);
  const int machine = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    for (int c = 0; c < options.cores_per_job; ++c)
      slots[i].cores.push_back((static_cast<int>(i) * options.cores_per_job + c) % machine);
    if (!options.gpus.empty()) slots[i].gpu = options.gpus[i % options.gpus.size()];
  }
  if (options.cores_per_job * static_cast<int>(slots.size()) > machine)
    log::warning(slots.size(), " jobs at a time with ", options.cores_per_job, " cores each share the ", machine,
                 " of this machine");
  return slots;
}

// The metric of a job's result file; none for a job that has none to give.
std::optional<double> objective(const JobStatus& status, const std::string& metric) {
  if (status.state != JobState::kDone) return std::nullopt;
  const results::RunData data =
      results::read_run_file(status.job.run_dir / results::kRunFileName, results::Parts::kSummary);
  const results::Metric* found = data.find_metric(metric);
  if (found == nullptr)
    throw Error(ErrorKind::kUsage, "no_metric", cat("the runs of this search have no metric '", metric, "'"),
                "hydra.sweeper.metric", joined(data.metrics, ", ", &results::Metric::name));
  return std::isfinite(found->value) ? std::optional(found->value) : std::nullopt;
}

class Pool {
 public:
  Pool(fs::path sweep_dir, Ledger& ledger, const SweepOptions& options, const Search* search)
      : sweep_dir_(std::move(sweep_dir)),
        ledger_(ledger),
        options_(options),
        search_(search),
        slots_(make_slots(options)) {}

  SweepSummary run();

 private:
  void fill_queue();
  bool ask_for_more();
  void start_jobs();
  void start_on(Slot& slot, std::size_t index);
  run::JobResult refused(std::size_t index, const Error& error) const;
  WorkerProcess& worker_for(Slot& slot, const SweepJob& job);
  void wait() const;
  void collect(Slot& slot);
  void finish(std::size_t index, const run::JobResult& result);
  void take_finished();
  void settle(const Finisher::Item& item);
  void check_stop();
  void check_timeout(Slot& slot) const;
  void changed(std::size_t index) const;
  void sync_now_and_then();
  bool idle() const;

  fs::path sweep_dir_;
  Ledger& ledger_;
  const SweepOptions& options_;
  const Search* search_;
  std::vector<Slot> slots_;
  std::deque<std::size_t> queue_;
  std::map<std::size_t, int> attempts_;
  std::size_t finishing_ = 0;
  int skipped_ = 0;
  bool stopping_ = false, asked_to_cancel_ = false;
  std::optional<Clock::time_point> signalled_;
  Clock::time_point synced_ = Clock::now();
  Finisher finisher_;
};

void Pool::fill_queue() {
  const LedgerContent content = ledger_.content();
  for (std::size_t i = 0; i < content.jobs.size(); ++i) {
    const JobStatus& status = content.jobs[i];
    if (status.state == JobState::kDone) {
      ++skipped_;
      continue;
    }
    if (status.state == JobState::kFailed && !options_.retry_failed) continue;
    queue_.push_back(i);
  }
}

// Tells the search what came of its last batch, and queues the next one.
bool Pool::ask_for_more() {
  if (search_ == nullptr || stopping_) return false;
  const LedgerContent content = ledger_.content();
  for (std::size_t i = 0; i < content.jobs.size(); ++i)
    if (!content.jobs[i].told) ledger_.tell(i, objective(content.jobs[i], search_->metric));
  const std::vector<SweepJob> jobs = search_->next(ledger_.content());
  for (const SweepJob& job : jobs) queue_.push_back(static_cast<std::size_t>(job.index));
  ledger_.extend(jobs);
  return !jobs.empty();
}

WorkerProcess& Pool::worker_for(Slot& slot, const SweepJob& job) {
  if (slot.worker && (slot.worker->ended() || slot.flavour != job.worker)) slot.worker.reset();
  if (slot.worker) return *slot.worker;
  slot.flavour = job.worker;
  WorkerSpec spec{.program = options_.program ? options_.program(job.worker) : worker_program(job.worker),
                  .cores = slot.cores};
  if (!slot.gpu.empty()) spec.environment.emplace_back("CUDA_VISIBLE_DEVICES", slot.gpu);
  if (!slot.cores.empty()) spec.environment.emplace_back("OMP_NUM_THREADS", std::to_string(slot.cores.size()));
  fs::create_directories(sweep_dir_ / "workers");
  spec.stderr_file = sweep_dir_ / "workers" / cat(&slot - slots_.data(), ".log");
  slot.worker = std::make_unique<WorkerProcess>(spec);
  return *slot.worker;
}

void Pool::start_on(Slot& slot, std::size_t index) {
  const SweepJob job = ledger_.status(index).job;
  const bool resume = run::prepare_folder(job.run_dir, run::Existing::kRetryFailed);
  if (!resume) run::write_hydra_files(job.run_dir, job.config_yaml, job.hydra_yaml, job.overrides);
  WorkerProcess& worker = worker_for(slot, job);
  ledger_.started(index);
  slot.job = index;
  slot.started = Clock::now();
  worker.send({.id = std::to_string(index),
               .run_dir = job.run_dir,
               .config = job.config,
               .config_yaml = job.config_yaml,
               .overrides = job.overrides,
               .choices = job.choices,
               .resume = resume,
               .threads = job.threads,
               .provenance = options_.provenance.empty() ? run::machine_provenance() : options_.provenance});
  changed(index);
}

// A job whose folder refused it. One that a killed launcher left done, without having noted it, is done.
run::JobResult Pool::refused(std::size_t index, const Error& error) const {
  const fs::path run_dir = ledger_.status(index).job.run_dir;
  const bool was_done = error.code() == "run_exists" && run::folder_status(run_dir) == run::FolderStatus::kDone;
  if (was_done) return {.id = std::to_string(index), .state = RunState::kDone, .exit_code = 0};
  return run::failure(std::to_string(index), error);
}

void Pool::start_jobs() {
  for (Slot& slot : slots_) {
    while (!slot.job && !stopping_ && !queue_.empty()) {
      const std::size_t index = queue_.front();
      queue_.pop_front();
      ++attempts_[index];  // also where its folder refuses it, or it would be tried for ever
      try {
        start_on(slot, index);
      } catch (const Error& error) {
        if (error.code() == "no_worker") throw;  // no job of the sweep could run
        finish(index, refused(index, error));
      }
    }
  }
}

void Pool::wait() const {
  std::vector<pollfd> descriptors = {{.fd = finisher_.descriptor(), .events = POLLIN, .revents = 0}};
  for (const Slot& slot : slots_)
    if (slot.worker && !slot.worker->ended())
      descriptors.push_back({.fd = slot.worker->descriptor(), .events = POLLIN, .revents = 0});
  ::poll(descriptors.data(), descriptors.size(), 100);
}

void Pool::collect(Slot& slot) {
  if (!slot.worker) return;
  const auto result = slot.worker->poll_result();
  if (!result) return;
  const std::size_t index = *std::exchange(slot.job, std::nullopt);
  if (options_.isolation == Isolation::kProcess || slot.worker->ended()) slot.worker.reset();
  finish(index, *result);
}

void Pool::finish(std::size_t index, const run::JobResult& result) {
  // Known before the slot is given another job.
  if (options_.fail_fast && result.state == RunState::kFailed && attempts_[index] > options_.retries) stopping_ = true;
  ++finishing_;
  finisher_.push({.job = index, .run_dir = ledger_.status(index).job.run_dir, .result = result});
}

void Pool::settle(const Finisher::Item& item) {
  --finishing_;
  ledger_.ended(item.job, item.result);
  changed(item.job);
  if (item.result.state != RunState::kFailed) return;
  if (attempts_[item.job] <= options_.retries && !stopping_) {
    log::warning("job ", item.job, " failed (", item.result.message, "); attempt ", attempts_[item.job] + 1);
    queue_.push_front(item.job);
  }
}

void Pool::take_finished() {
  for (const auto& item : finisher_.take_finished()) settle(item);
}

// A signal, or `sweep cancel`: no job starts any more, running ones are asked to stop, and killed after the grace time.
void Pool::check_stop() {
  if (!asked_to_cancel_ && fs::exists(sweep_dir_ / kCancelName)) asked_to_cancel_ = true;
  const int signal = run::requested_signal() != 0 ? run::requested_signal() : asked_to_cancel_ ? SIGTERM : 0;
  if (signal == 0) return;
  stopping_ = true;
  const bool first = !signalled_;
  if (first) signalled_ = Clock::now();
  const bool late = Clock::now() - *signalled_ > options_.grace;
  for (Slot& slot : slots_) {
    if (!slot.job) continue;
    if (first) slot.worker->signal(signal);
    if (late)
      slot.worker->kill("not_stopping", cat("the run did not stop within ", options_.grace.count(), " ms of a signal"));
  }
}

void Pool::check_timeout(Slot& slot) const {
  if (!slot.job || options_.timeout == std::chrono::milliseconds::max()) return;
  if (Clock::now() - slot.started > options_.timeout)
    slot.worker->kill("timeout", cat("the run took longer than its limit of ", options_.timeout.count(), " ms"));
}

void Pool::changed(std::size_t index) const {
  if (options_.on_change) options_.on_change(ledger_.status(index));
}

// A power failure may lose a second of the ledger: the runs' folders still tell which are done.
void Pool::sync_now_and_then() {
  if (Clock::now() - synced_ < std::chrono::seconds(1)) return;
  ledger_.sync();
  synced_ = Clock::now();
}

bool Pool::idle() const {
  const bool busy = std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.job.has_value(); });
  return !busy && finishing_ == 0 && (stopping_ || queue_.empty());
}

SweepSummary Pool::run() {
  fill_queue();
  while (true) {
    check_stop();
    start_jobs();
    if (idle() && !ask_for_more()) break;
    wait();
    for (Slot& slot : slots_) {
      collect(slot);
      check_timeout(slot);
    }
    take_finished();
    sync_now_and_then();
  }
  if (asked_to_cancel_) {
    for (const std::size_t index : queue_) ledger_.set_state(index, JobState::kCancelled, "cancelled");
    fs::remove(sweep_dir_ / kCancelName);
  }
  ledger_.sync();
  const LedgerContent content = ledger_.content();
  SweepSummary summary{.done = content.count(JobState::kDone),
                       .failed = content.count(JobState::kFailed),
                       .interrupted = content.count(JobState::kInterrupted) + content.count(JobState::kRunning),
                       .pending = content.count(JobState::kPending),
                       .cancelled = content.count(JobState::kCancelled),
                       .skipped = skipped_};
  if (run::requested_signal() != 0) {
    summary.exit_code = run::signal_exit_code(run::requested_signal());
  } else if (summary.done < static_cast<int>(content.jobs.size())) {
    summary.exit_code = exit_code(ErrorKind::kRunFailed);
  }
  return summary;
}

SweepSummary run_ledger(const fs::path& sweep_dir, Ledger ledger, const SweepOptions& options,
                        const Search* search = nullptr) {
  run::install_signal_flag();
  fs::remove(sweep_dir / kCancelName);  // meant for a launcher that is gone
  SweepSummary summary = Pool(sweep_dir, ledger, options, search).run();
  const auto entries = results::scan_runs(sweep_dir);
  summary.index = results::write_index(sweep_dir, entries);
  summary.repeated = results::aggregate(entries);
  return summary;
}

}  // namespace

SweepSummary run_sweep(const fs::path& sweep_dir, const std::vector<SweepJob>& jobs, const SweepOptions& options) {
  return run_ledger(sweep_dir, Ledger::open(sweep_dir, jobs), options);
}

SweepSummary run_search(const fs::path& sweep_dir, const Search& search, const SweepOptions& options) {
  // Asked again from the beginning, batch by batch, the search must ask what the ledger says it asked.
  LedgerContent known;
  if (fs::exists(sweep_dir / kLedgerName)) known = read_ledger(sweep_dir);
  LedgerContent replayed;
  std::vector<SweepJob> jobs;
  do {
    const auto batch = search.next(replayed);
    if (batch.empty()) break;
    for (const SweepJob& job : batch) {
      const auto index = static_cast<std::size_t>(job.index);
      replayed.jobs.push_back(index < known.jobs.size() ? known.jobs[index] : JobStatus{});
      replayed.jobs.back().job = job;
      jobs.push_back(job);
    }
  } while (std::all_of(replayed.jobs.begin(), replayed.jobs.end(), [](const JobStatus& job) { return job.told; }));
  return run_ledger(sweep_dir, Ledger::open_growing(sweep_dir, jobs), options, &search);
}

SweepSummary resume_sweep(const fs::path& sweep_dir, const SweepOptions& options) {
  return run_ledger(sweep_dir, Ledger::open(sweep_dir), options);
}

int cancel_sweep(const fs::path& sweep_dir) {
  read_ledger(sweep_dir);
  try {
    Ledger ledger = Ledger::open(sweep_dir);
    int marked = 0;
    const LedgerContent content = ledger.content();
    for (std::size_t i = 0; i < content.jobs.size(); ++i) {
      const JobState state = content.jobs[i].state;
      if (state == JobState::kDone || state == JobState::kFailed || state == JobState::kCancelled) continue;
      ledger.set_state(i, JobState::kCancelled, "cancelled");
      ++marked;
    }
    ledger.sync();
    return marked;
  } catch (const Error& error) {
    if (error.code() != "sweep_locked") throw;
    io::write_atomic(sweep_dir / kCancelName, "");
    return -1;
  }
}

}  // namespace frugal::launch
