// One run, as the front end hands it to a worker, and the worker's answer. Both travel as one line of JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/results/types.h"

namespace frugal::run {

struct Job {
  std::string id = {};                 // comes back in the answer
  std::filesystem::path run_dir = {};  // exists
  nlohmann::json config = {};          // resolved
  std::string config_yaml = {};        // the same, as the user wrote it; may be empty
  std::vector<std::string> overrides = {};
  std::vector<std::pair<std::string, std::string>> choices = {};  // config group -> option
  bool resume = false;               // go on with the journal in run_dir instead of starting one
  bool dry_run = false;              // build everything, time a few steps, record the plan below instead of results
  int threads = 1;                   // computing threads, from device.threads
  int ranks = 1;                     // processes that share the run, from parallel.ranks
  double rank_timeout_minutes = 30;  // for which a rank waits for the others
  std::map<std::string, std::string> provenance =
      {};  // what the front end knows: host, code version, command line, tags

  std::uint64_t seed() const;  // config.seed, or 0
};

// What a dry run records, as metrics.
constexpr std::string_view kPlanSteps = "plan.steps";                       // of the whole run
constexpr std::string_view kPlanStepSeconds = "plan.step_seconds";          // median of the timed ones
constexpr std::string_view kPlanOtherSeconds = "plan.other_seconds";        // evaluations and checkpoints
constexpr std::string_view kPlanPeakBytes = "plan.peak_bytes";              // of tensors
constexpr std::string_view kPlanCheckpointBytes = "plan.checkpoint_bytes";  // of one
constexpr std::string_view kPlanCheckpoints = "plan.checkpoints";           // kept at a time, one more while writing
constexpr std::string_view kPlanResultBytes = "plan.result_bytes";          // journal and result file

nlohmann::json to_json(const Job& job);
// Throws Error(bad_data, "bad_job").
Job job_from_json(const nlohmann::json& text);

// How a job ended: state is done, failed or interrupted.
struct JobResult {
  std::string id = {};
  results::RunState state = results::RunState::kFailed;
  std::string error_kind = {}, error_code = {}, message = {}, where = {}, hint = {};  // of a failure
  int exit_code = 5;  // what `frugal run` exits with for it
};

nlohmann::json to_json(const JobResult& result);
// Throws Error(bad_data, "bad_reply").
JobResult result_from_json(const nlohmann::json& text);
JobResult failure(std::string id, const Error& error);
// The failure as an exception again, for `frugal run`.
Error as_error(const JobResult& result);

}  // namespace frugal::run
