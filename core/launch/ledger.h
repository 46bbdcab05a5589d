// A sweep's ledger on disk: which jobs there are, and what became of each. Append-only, framed and checksummed as the
// journal; every record is handed to the kernel at once, so that a kill loses none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/io/file.h"
#include "core/run/job.h"

namespace frugal::launch {

constexpr std::string_view kLedgerName = "sweep.ledger";

// One job of a sweep, as the sweeper composed it.
struct SweepJob {
  int index = 0;  // from 0, its place in the sweep
  std::vector<std::string> overrides = {};
  nlohmann::json config = {};  // resolved
  std::string config_yaml = {}, hydra_yaml = {};
  std::vector<std::pair<std::string, std::string>> choices = {};
  std::filesystem::path run_dir = {};
  std::string worker = "plain";  // flavour of the worker: plain, cpu, cuda
  int threads = 1;
};

// Of the config without its `hydra` node, which holds times and paths.
std::string config_hash(const nlohmann::json& config);

enum class JobState { kPending, kRunning, kDone, kFailed, kInterrupted, kCancelled };
std::string_view name(JobState state);

struct JobStatus {
  SweepJob job;
  JobState state = JobState::kPending;
  int attempts = 0;
  std::string reason;  // of a failure: "code: message"
  std::string host;
  int exit_code = 0;
  bool told = false;                          // a search has taken note of what came of it, for good
  std::optional<double> objective;            // what it was told; none for a job without a finite value
  std::int64_t started_ns = 0, ended_ns = 0;  // since 1970

  double seconds() const;  // of its last attempt; 0 until that has ended, and where its folder refused it
};

struct LedgerContent {
  std::vector<JobStatus> jobs;  // by index
  std::uint64_t lost_bytes = 0;
  int count(JobState state) const;
};
// For `sweep status`, while another process may write. Throws Error(usage, "no_sweep") and Error(bad_data,
// "bad_ledger").
LedgerContent read_ledger(const std::filesystem::path& sweep_dir);

// The one launcher of a sweep. Thread-safe.
class Ledger {
 public:
  // Starts sweep_dir/sweep.ledger with these jobs, or takes up an existing one. Throws Error(usage): "sweep_locked"
  // while another launcher runs, "config_changed" if the jobs are not those of the ledger (names the first difference).
  static Ledger open(const std::filesystem::path& sweep_dir, const std::vector<SweepJob>& jobs);
  // The same for a search, whose jobs come in batches: an existing ledger may hold the first of these jobs only.
  static Ledger open_growing(const std::filesystem::path& sweep_dir, const std::vector<SweepJob>& jobs);
  // Takes up an existing one, with the jobs that it names.
  static Ledger open(const std::filesystem::path& sweep_dir);

  // A copy of the state now.
  JobStatus status(std::size_t index) const;
  LedgerContent content() const;
  void started(std::size_t index);
  void ended(std::size_t index, const run::JobResult& result);
  void set_state(std::size_t index, JobState state, const std::string& reason);
  // More jobs, at the end; their indices go on where the last one's stopped.
  void extend(const std::vector<SweepJob>& jobs);
  // What a search made of the job: a later retry of the job changes nothing of it.
  void tell(std::size_t index, std::optional<double> objective);
  void sync() const;

 private:
  Ledger(std::filesystem::path path, io::Fd fd, LedgerContent content);
  void append(const nlohmann::json& record);
  void apply_and_append(std::size_t index, nlohmann::json record);

  std::filesystem::path path_;
  io::Fd fd_;
  mutable std::unique_ptr<std::mutex> mutex_;
  LedgerContent content_;
};

}  // namespace frugal::launch
