// frugal sweep: looks after a sweep that is on disk.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/options.h"
#include "core/error.h"
#include "core/launch/local_launcher.h"
#include "core/log.h"
#include "core/run/provenance.h"
#include "core/text.h"

namespace frugal::cli {
namespace {

namespace po = boost::program_options;
using launch::JobState;
using launch::LedgerContent;

void print_json(const LedgerContent& content) {
  nlohmann::ordered_json jobs = nlohmann::ordered_json::array();
  for (const auto& job : content.jobs)
    jobs.push_back({{"job", job.job.index},
                    {"state", name(job.state)},
                    {"attempts", job.attempts},
                    {"exit_code", job.exit_code},
                    {"reason", job.reason},
                    {"host", job.host},
                    {"seconds", job.seconds()},
                    {"overrides", job.job.overrides},
                    {"run_dir", job.job.run_dir.string()}});
  std::cout << jobs.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

int status(std::span<const std::string> args) {
  po::options_description options("options");
  options.add_options()("json", "as JSON")("all", "list every job, not only those that failed or run");
  const Parsed parsed = parse_options(args, "frugal sweep status DIR", "Says how far a sweep is.", options, 1, 1);
  if (parsed.help) return 0;
  const LedgerContent content = launch::read_ledger(parsed.words[0]);
  if (parsed.values.contains("json")) {
    print_json(content);
    return 0;
  }
  std::cout << content.jobs.size() << " jobs:";
  for (const JobState state : {JobState::kDone, JobState::kRunning, JobState::kPending, JobState::kFailed,
                               JobState::kInterrupted, JobState::kCancelled})
    if (content.count(state) > 0) std::cout << " " << content.count(state) << " " << name(state);
  std::cout << "\n";
  for (const auto& job : content.jobs)
    if (parsed.values.contains("all") || job.state == JobState::kFailed || job.state == JobState::kRunning)
      std::cout << "  " << job.job.index << "  " << name(job.state) << "  [" << joined(job.job.overrides, " ") << "]"
                << (job.reason.empty() ? "" : "  " + job.reason) << "\n";
  return 0;
}

void print_change(const launch::JobStatus& job) {
  log::info("job ", job.job.index, "  ", name(job.state), "  [", joined(job.job.overrides, " "), "]",
            job.reason.empty() ? "" : "  " + job.reason);
}

int go_on(std::span<const std::string> args, bool retry) {
  po::options_description options("options");
  options.add_options()("jobs,j", po::value<int>()->default_value(1), "jobs at a time")(
      "cores", po::value<int>()->default_value(0), "cores a job; 0: all share all")(
      "retries", po::value<int>()->default_value(0), "further attempts of a job that fails")(
      "timeout", po::value<double>(), "seconds a job")("fail-fast", "start no job after one has failed")(
      "isolation", po::value<std::string>()->default_value("worker"), "worker: one for many jobs; process: one each");
  const Parsed parsed =
      parse_options(args, retry ? "frugal sweep retry DIR" : "frugal sweep resume DIR",
                    retry ? "Runs the jobs that failed again, and all that have not run."
                          : "Runs the jobs that have not run; interrupted ones go on from their checkpoints.",
                    options, 1, 1);
  if (parsed.help) return 0;
  const std::string isolation = parsed.values["isolation"].as<std::string>();
  if (isolation != "worker" && isolation != "process")
    throw Error(ErrorKind::kUsage, "bad_option", cat("--isolation: '", isolation, "'"), {}, "worker or process");
  launch::SweepOptions sweep{
      .n_jobs = parsed.values["jobs"].as<int>(),
      .cores_per_job = parsed.values["cores"].as<int>(),
      .isolation = isolation == "worker" ? launch::Isolation::kWorker : launch::Isolation::kProcess,
      .fail_fast = parsed.values.contains("fail-fast"),
      .retries = parsed.values["retries"].as<int>(),
      .retry_failed = retry,
      .provenance = run::run_provenance({"frugal", "sweep", retry ? "retry" : "resume", parsed.words[0]}),
      .on_change = print_change};
  if (parsed.values.contains("timeout"))
    sweep.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(parsed.values["timeout"].as<double>() * 1000));
  const launch::SweepSummary summary = launch::resume_sweep(parsed.words[0], sweep);
  std::cout << summary.done << " done (" << summary.skipped << " before), " << summary.failed << " failed, "
            << summary.interrupted << " interrupted, " << summary.pending + summary.cancelled << " not run\n"
            << summary.index.string() << "\n";
  return summary.exit_code;
}

int resume(std::span<const std::string> args) {
  return go_on(args, false);
}

int retry(std::span<const std::string> args) {
  return go_on(args, true);
}

int cancel(std::span<const std::string> args) {
  const Parsed parsed =
      parse_options(args, "frugal sweep cancel DIR",
                    "Stops a sweep: running jobs are interrupted and can be resumed, others do not start.",
                    po::options_description("options"), 1, 1);
  if (parsed.help) return 0;
  const int marked = launch::cancel_sweep(parsed.words[0]);
  if (marked < 0) {
    std::cout << "the running launcher was asked to stop\n";
  } else {
    std::cout << marked << " jobs cancelled\n";
  }
  return 0;
}

}  // namespace

int sweep_command(std::span<const std::string> args) {
  constexpr Subverb kSubverbs[] = {{"status", status}, {"resume", resume}, {"retry", retry}, {"cancel", cancel}};
  return run_subverb(args, kSubverbs,
                     "usage: frugal sweep VERB DIR\n\n"
                     "  status   how far it is\n"
                     "  resume   run what has not run\n"
                     "  retry    run what failed, too\n"
                     "  cancel   stop it\n\n"
                     "`frugal sweep VERB --help` says more.\n");
}

}  // namespace frugal::cli
