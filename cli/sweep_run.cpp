// frugal run -m: composes and checks all jobs of a sweep, then runs them on this machine.
#include "cli/sweep_run.h"

#include <cstdio>

#include "cli/components.h"
#include "core/config/sweep.h"
#include "core/error.h"
#include "core/log.h"
#include "core/run/provenance.h"
#include "core/run/run_folder.h"
#include "core/run/signals.h"

namespace frugal::cli {
namespace {

constexpr const char* kHydraSweepDir = "multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}";

const config::NodePtr find(const config::NodePtr& root, std::initializer_list<const char*> keys) {
  config::NodePtr at = root;
  for (const char* key : keys) at = at ? at->find(key) : nullptr;
  return at;
}

// hydra.sweep.dir; Hydra's default becomes a folder of our own that no other sweep shares.
std::filesystem::path sweep_folder(const config::Composition& composition) {
  const config::NodePtr dir = find(composition.config, {"hydra", "sweep", "dir"});
  if (!dir || dir->text == kHydraSweepDir) return run::make_dated_folder("multirun");
  std::filesystem::path folder = config::select(composition.config, "hydra.sweep.dir")->text;
  std::filesystem::create_directories(folder);
  return folder;
}

template <typename T>
T option(const config::NodePtr& launcher, const char* key, T fallback) {
  const config::NodePtr value = launcher ? launcher->find(key) : nullptr;
  return value ? config::to_json(*value).template get<T>() : fallback;
}

}  // namespace

launch::SweepJob sweep_job(const RunOptions& options, const std::vector<std::string>& overrides, int index,
                           const std::filesystem::path& run_dir, const std::vector<std::string>& command_line) {
  RunOptions one = options;
  one.overrides = overrides;
  one.multirun = false;
  config::ComposeRequest request = one.request();
  const PreparedJob prepared = prepare_job(request, command_line);
  return {.index = index,
          .overrides = prepared.job.overrides,
          .config = prepared.job.config,
          .config_yaml = prepared.job.config_yaml,
          .hydra_yaml = {},
          .choices = prepared.job.choices,
          .run_dir = run_dir,
          .worker = prepared.flavour,
          .threads = prepared.job.threads};
}

launch::SweepOptions launch_options(const config::Composition& composition,
                                    const std::vector<std::string>& command_line) {
  const config::NodePtr launcher = find(composition.config, {"hydra", "launcher"});
  launch::SweepOptions options;
  options.n_jobs = option<int>(launcher, "n_jobs", 1);
  options.cores_per_job = option<int>(launcher, "cores_per_job", 0);
  options.gpus = option<std::vector<std::string>>(launcher, "gpus", {});
  options.jobs_per_gpu = option<int>(launcher, "jobs_per_gpu", 1);
  options.isolation = option<std::string>(launcher, "isolation", "worker") == "process" ? launch::Isolation::kProcess
                                                                                        : launch::Isolation::kWorker;
  options.fail_fast = option<bool>(launcher, "fail_fast", false);
  options.retries = option<int>(launcher, "retries", 0);
  if (const double minutes = option<double>(launcher, "timeout_minutes", 0); minutes > 0)
    options.timeout = std::chrono::milliseconds(static_cast<int64_t>(minutes * 60000));
  options.provenance = run::run_provenance(command_line);
  options.on_change = [](const launch::JobStatus& status) {
    std::string text;
    for (const auto& override : status.job.overrides) text += " " + override;
    log::info("job ", status.job.index, " ", launch::name(status.state), text,
              status.reason.empty() ? "" : "  (" + status.reason + ")");
  };
  return options;
}

int sweep_run(const RunOptions& options, const std::vector<std::string>& command_line) {
  const config::ComposeRequest request = options.request();
  const config::SweepPlan plan = config::plan_sweep(request);
  const config::Composition composition = config::compose(request);
  const std::filesystem::path folder = sweep_folder(composition);
  std::vector<launch::SweepJob> jobs;
  for (size_t i = 0; i < plan.jobs.size(); ++i)
    jobs.push_back(sweep_job(options, plan.jobs[i], static_cast<int>(i), folder / std::to_string(i), command_line));
  log::info(jobs.size(), " jobs in ", folder.string());
  run::install_signal_flag();
  set_worker_environment(jobs.empty() ? Json() : Json::parse(jobs.front().config.dump()));
  const launch::SweepSummary summary = launch::run_sweep(folder, jobs, launch_options(composition, command_line));
  std::printf("%d done, %d failed, %d interrupted, %d pending, %d skipped\n%s\n", summary.done, summary.failed,
              summary.interrupted, summary.pending, summary.skipped, summary.index.c_str());
  return summary.exit_code;
}

}  // namespace frugal::cli
