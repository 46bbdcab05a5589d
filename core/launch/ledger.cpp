#include "core/launch/ledger.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/log.h"
#include "core/results/frames.h"
#include "core/results/journal.h"
#include "core/text.h"

namespace frugal::launch {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 6> kStates = {"pending", "running",     "done",
                                                     "failed",  "interrupted", "cancelled"};

[[noreturn]] void bad_ledger(const fs::path& path, const std::string& why) {
  throw Error(ErrorKind::kBadData, "bad_ledger", why, path.string());
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "?";
}

json job_record(const SweepJob& job) {
  json choices = json::array();
  for (const auto& [group, option] : job.choices) choices.push_back({group, option});
  return {{"job", job.index},
          {"overrides", job.overrides},
          {"hash", config_hash(job.config)},
          {"config", job.config},
          {"config_yaml", job.config_yaml},
          {"hydra_yaml", job.hydra_yaml},
          {"choices", std::move(choices)},
          {"run_dir", job.run_dir.string()},
          {"worker", job.worker},
          {"threads", job.threads}};
}

SweepJob job_from_record(const json& record) {
  SweepJob job{.index = record.at("job").get<int>(),
               .overrides = record.at("overrides").get<std::vector<std::string>>(),
               .config = record.at("config"),
               .config_yaml = record.at("config_yaml").get<std::string>(),
               .hydra_yaml = record.at("hydra_yaml").get<std::string>(),
               .run_dir = record.at("run_dir").get<std::string>(),
               .worker = record.at("worker").get<std::string>(),
               .threads = record.at("threads").get<int>()};
  for (const auto& choice : record.at("choices"))
    job.choices.emplace_back(choice.at(0).get<std::string>(), choice.at(1).get<std::string>());
  return job;
}

void apply_state(LedgerContent& content, const json& record) {
  const auto index = record.at("job").get<std::size_t>();
  if (index >= content.jobs.size()) throw Error(ErrorKind::kBadData, "bad_ledger", "a record of an unknown job");
  JobStatus& status = content.jobs[index];
  const auto state = record.at("state").get<std::string>();
  const auto found = std::find(kStates.begin(), kStates.end(), state);
  if (found == kStates.end()) throw Error(ErrorKind::kBadData, "bad_ledger", cat("unknown state '", state, "'"));
  status.state = static_cast<JobState>(found - kStates.begin());
  status.reason = record.value("reason", "");
  status.exit_code = record.value("exit_code", 0);
  if (status.state == JobState::kRunning) {
    ++status.attempts;
    status.host = record.value("host", "");
    status.started_ns = record.value("time_ns", std::int64_t{0});
    status.ended_ns = 0;
  } else {
    if (status.ended_ns != 0) status.started_ns = 0;  // it was not started again: its folder refused it
    status.ended_ns = record.value("time_ns", std::int64_t{0});
  }
}

void apply_told(LedgerContent& content, const json& record) {
  const auto index = record.at("job").get<std::size_t>();
  if (index >= content.jobs.size()) throw Error(ErrorKind::kBadData, "bad_ledger", "a record of an unknown job");
  const json& objective = record.at("told");
  content.jobs[index].told = true;
  if (!objective.is_null()) content.jobs[index].objective = objective.get<double>();
}

void apply_record(LedgerContent& content, const json& record) {
  if (record.contains("state")) return apply_state(content, record);
  if (record.contains("told")) return apply_told(content, record);
  JobStatus status;
  status.job = job_from_record(record);
  if (status.job.index != static_cast<int>(content.jobs.size()))
    throw Error(ErrorKind::kBadData, "bad_ledger", "the jobs do not count from 0 on");
  content.jobs.push_back(std::move(status));
}

LedgerContent load(const fs::path& path, std::uint64_t& valid_bytes) {
  const std::string bytes = io::read_file(path, std::uint64_t{4} << 30U);
  LedgerContent content;
  const results::FrameScan scan =
      results::scan_frames(io::as_bytes(bytes), [&](std::uint64_t offset, std::span<const std::byte> payload) {
        const auto* text = reinterpret_cast<const char*>(payload.data());
        try {
          apply_record(content, json::parse(text, text + payload.size()));
        } catch (const json::exception& error) {
          bad_ledger(path, cat("the record at byte ", offset, " is not as expected: ", error.what()));
        } catch (const Error& error) {
          bad_ledger(path, cat("the record at byte ", offset, ": ", error.message()));
        }
      });
  if (scan.damaged) bad_ledger(path, cat("damaged at byte ", scan.valid_bytes));
  valid_bytes = scan.valid_bytes;
  content.lost_bytes = scan.bad_bytes;
  return content;
}

void check_same_jobs(const LedgerContent& content, const std::vector<SweepJob>& jobs, const fs::path& path,
                     bool may_grow) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::kUsage, "config_changed", cat("this folder holds another sweep: ", why), path.string(),
                "choose another folder (hydra.sweep.dir)");
  };
  if (!may_grow && content.jobs.size() != jobs.size())
    refuse(cat("of ", content.jobs.size(), " jobs, now ", jobs.size()));
  for (std::size_t i = 0; i < std::min(jobs.size(), content.jobs.size()); ++i) {
    const SweepJob& known = content.jobs[i].job;
    if (config_hash(known.config) != config_hash(jobs[i].config))
      refuse(cat("job ", i, " was [", joined(known.overrides, " "), "], now [", joined(jobs[i].overrides, " "),
                 "], with another resolved config"));
  }
}

io::Fd open_locked(const fs::path& path) {
  io::Fd fd = io::open_file(path, O_RDWR | O_CREAT | O_APPEND);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK)
    throw Error(ErrorKind::kUsage, "sweep_locked", "another process is running this sweep", path.string(),
                "frugal sweep status shows how far it is");
  log::warning(path.string(), ": this file system has no locks (", std::strerror(errno),
               "); two launchers of one sweep would not be noticed");
  return fd;
}

}  // namespace

std::string config_hash(const json& config) {
  json counted = config;
  if (counted.is_object()) counted.erase("hydra");
  return io::sha256(counted.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string_view name(JobState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

double JobStatus::seconds() const {
  return started_ns == 0 || ended_ns == 0 ? 0 : static_cast<double>(ended_ns - started_ns) * 1e-9;
}

int LedgerContent::count(JobState state) const {
  return static_cast<int>(
      std::count_if(jobs.begin(), jobs.end(), [&](const JobStatus& status) { return status.state == state; }));
}

LedgerContent read_ledger(const fs::path& sweep_dir) {
  const fs::path path = sweep_dir / kLedgerName;
  if (!fs::exists(path)) throw Error(ErrorKind::kUsage, "no_sweep", "this folder holds no sweep", sweep_dir.string());
  std::uint64_t valid_bytes = 0;
  return load(path, valid_bytes);
}

Ledger::Ledger(fs::path path, io::Fd fd, LedgerContent content)
    : path_(std::move(path)),
      fd_(std::move(fd)),
      mutex_(std::make_unique<std::mutex>()),
      content_(std::move(content)) {}

Ledger Ledger::open(const fs::path& sweep_dir) {
  read_ledger(sweep_dir);  // says so where there is none, before a file is made
  const fs::path path = sweep_dir / kLedgerName;
  io::Fd fd = open_locked(path);
  std::uint64_t valid_bytes = 0;
  LedgerContent content = load(path, valid_bytes);
  if (content.lost_bytes > 0 && ::ftruncate(fd.get(), static_cast<off_t>(valid_bytes)) != 0)
    io::throw_errno(errno, "truncate", path);
  return {path, std::move(fd), std::move(content)};
}

Ledger Ledger::open(const fs::path& sweep_dir, const std::vector<SweepJob>& jobs) {
  const fs::path path = sweep_dir / kLedgerName;
  std::error_code failed;
  fs::create_directories(sweep_dir, failed);
  if (failed) io::throw_errno(failed.value(), "make the sweep's folder", sweep_dir);
  if (fs::exists(path) && fs::file_size(path) > 0) {
    Ledger ledger = open(sweep_dir);
    // Killed while it wrote its list of jobs: nothing has run, so the list is made again.
    const bool unfinished = ledger.content_.jobs.size() < jobs.size() &&
                            ledger.content_.count(JobState::kPending) == static_cast<int>(ledger.content_.jobs.size());
    if (!unfinished) {
      check_same_jobs(ledger.content_, jobs, path, false);
      return ledger;
    }
    if (::ftruncate(ledger.fd_.get(), 0) != 0) io::throw_errno(errno, "truncate", path);
  }
  Ledger ledger(path, open_locked(path), {});
  ledger.extend(jobs);
  ledger.sync();
  io::sync_folder(sweep_dir);
  return ledger;
}

Ledger Ledger::open_growing(const fs::path& sweep_dir, const std::vector<SweepJob>& jobs) {
  const fs::path path = sweep_dir / kLedgerName;
  if (!fs::exists(path) || fs::file_size(path) == 0) return open(sweep_dir, jobs);
  Ledger ledger = open(sweep_dir);
  check_same_jobs(ledger.content_, jobs, path, true);
  const std::size_t known = ledger.content_.jobs.size();
  // Killed while it wrote its list of jobs, or the search asks for more.
  if (known < jobs.size()) ledger.extend({jobs.begin() + static_cast<std::ptrdiff_t>(known), jobs.end()});
  return ledger;
}

void Ledger::extend(const std::vector<SweepJob>& jobs) {
  const std::lock_guard lock(*mutex_);
  std::string frames;
  for (const auto& job : jobs) {
    const json record = job_record(job);
    apply_record(content_, record);
    results::append_frame(frames, record.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  io::write_all(fd_.get(), io::as_bytes(frames), path_, "ledger.write");
}

void Ledger::tell(std::size_t index, std::optional<double> objective) {
  const std::lock_guard lock(*mutex_);
  const json record = {{"job", index}, {"told", objective ? json(*objective) : json(nullptr)}};
  append(record);
  apply_record(content_, record);
}

JobStatus Ledger::status(std::size_t index) const {
  const std::lock_guard lock(*mutex_);
  return content_.jobs.at(index);
}

LedgerContent Ledger::content() const {
  const std::lock_guard lock(*mutex_);
  return content_;
}

void Ledger::append(const json& record) {
  std::string frame;
  results::append_frame(frame, record.dump(-1, ' ', false, json::error_handler_t::replace));
  io::write_all(fd_.get(), io::as_bytes(frame), path_, "ledger.write");
}

void Ledger::apply_and_append(std::size_t index, json record) {
  record["job"] = index;
  record["time_ns"] = results::now_ns();
  const std::lock_guard lock(*mutex_);
  append(record);
  apply_record(content_, record);
}

void Ledger::started(std::size_t index) {
  apply_and_append(index, {{"state", name(JobState::kRunning)}, {"host", host_name()}});
}

void Ledger::ended(std::size_t index, const run::JobResult& result) {
  const JobState state = result.state == results::RunState::kDone          ? JobState::kDone
                         : result.state == results::RunState::kInterrupted ? JobState::kInterrupted
                                                                           : JobState::kFailed;
  const std::string reason =
      state == JobState::kDone ? "" : cat(result.error_code, result.error_code.empty() ? "" : ": ", result.message);
  apply_and_append(index, {{"state", name(state)}, {"reason", reason}, {"exit_code", result.exit_code}});
}

void Ledger::set_state(std::size_t index, JobState state, const std::string& reason) {
  apply_and_append(index, {{"state", name(state)}, {"reason", reason}});
}

void Ledger::sync() const {
  io::sync_file(fd_.get(), path_, "ledger.sync");
}

}  // namespace frugal::launch
