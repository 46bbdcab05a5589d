// frugal run -m: composes and checks all jobs of a sweep, then runs them on this machine.
#include "cli/sweep_run.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "cli/components.h"
#include "core/config/search_sweeper.h"
#include "core/config/sweep.h"
#include "core/error.h"
#include "core/log.h"
#include "core/results/export.h"
#include "core/run/provenance.h"
#include "core/run/run_folder.h"
#include "core/run/signals.h"
#include "core/text.h"

namespace frugal::cli {
namespace {

constexpr const char* kHydraSweepDir = "multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}";

config::NodePtr find(const config::NodePtr& root, std::initializer_list<const char*> keys) {
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

constexpr const char* kSubfolderHint = "leave it at ${hydra.job.num}, or take ${hydra.job.override_dirname}";

// hydra.sweep.subdir of one job: a relative path below the sweep's folder.
std::filesystem::path subfolder(const config::Composition& composition) {
  const config::NodePtr value = config::select(composition.config, "hydra.sweep.subdir");
  std::filesystem::path path;
  if (value && value->is_string()) path = value->text;
  if (value && value->kind == config::NodeKind::kInt) path = std::to_string(value->integer);  // ${hydra.job.num}
  const bool leaves = std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
  if (path.empty() || path.is_absolute() || leaves || path == "???")
    throw Error(ErrorKind::kUsage, "bad_value", "expected the name of a folder below the sweep's", "hydra.sweep.subdir",
                kSubfolderHint);
  return path;
}

void refuse_shared_folders(const std::vector<launch::SweepJob>& jobs) {
  std::map<std::filesystem::path, int> owner;
  for (const auto& job : jobs)
    if (const auto [other, fresh] = owner.try_emplace(job.run_dir.lexically_normal(), job.index); !fresh)
      throw Error(ErrorKind::kUsage, "shared_folder",
                  cat("jobs ", other->second, " and ", job.index, " would both run in ", job.run_dir.string()),
                  "hydra.sweep.subdir", kSubfolderHint);
}

template <typename T>
T option(const config::NodePtr& launcher, const char* key, T fallback) {
  const config::NodePtr value = launcher ? launcher->find(key) : nullptr;
  return value ? config::to_json(*value).template get<T>() : fallback;
}

}  // namespace

launch::SweepJob sweep_job(const RunOptions& options, const std::vector<std::string>& overrides,
                           std::optional<int> number, const std::filesystem::path& folder,
                           const std::vector<std::string>& command_line) {
  RunOptions one = options;
  one.overrides = overrides;
  one.multirun = false;
  config::ComposeRequest request = one.request();
  request.job_number = number;
  const PreparedJob prepared = prepare_job(request, command_line);
  if (prepared.job.ranks > 1)
    throw Error(ErrorKind::kUsage, "ranks_in_sweep",
                "sweeps and tables give each job one process: several ranks are for a run by itself", "parallel.ranks",
                "parallel.ranks=1, or frugal run of each job");
  const config::NodePtr hydra = prepared.composition.config->find("hydra");
  return {.index = number.value_or(0),
          .overrides = prepared.job.overrides,
          .config = prepared.job.config,
          .config_yaml = prepared.job.config_yaml,
          .hydra_yaml = hydra ? config::yaml_text(*hydra) : "",
          .choices = prepared.job.choices,
          .run_dir = number ? folder / subfolder(prepared.composition) : folder,
          .worker = prepared.flavour,
          .threads = prepared.job.threads};
}

void set_worker_environment(const launch::SweepJob& first) {
  for (const auto& [name, value] : worker_environment(Json::parse(first.config.dump())))
    ::setenv(name.c_str(), value.c_str(), /*overwrite=*/0);
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
    log::info("job ", status.job.index, " ", launch::name(status.state), " ", joined(status.job.overrides, " "),
              status.reason.empty() ? "" : "  (" + status.reason + ")");
  };
  return options;
}

namespace {

// Composes and checks jobs of the sweep; `first`: the index of the first.
class JobMaker {
 public:
  JobMaker(const RunOptions& options, const config::Composition& sweep, std::filesystem::path folder,
           const std::vector<std::string>& command_line)
      : options_(options), sweep_(sweep), folder_(std::move(folder)), command_line_(command_line) {}

  std::vector<launch::SweepJob> make(const std::vector<config::JobOverrides>& jobs, size_t first = 0) const {
    std::vector<launch::SweepJob> made;
    for (const auto& overrides : jobs) made.push_back(make_one(overrides, static_cast<int>(first + made.size())));
    return made;
  }

 private:
  launch::SweepJob make_one(const config::JobOverrides& overrides, int index) const {
    config::JobOverrides all = sweep_.hydra_overrides;  // a search path, a launcher: they hold for every job
    all.insert(all.end(), overrides.begin(), overrides.end());
    return sweep_job(options_, all, index, folder_, command_line_);
  }

  const RunOptions& options_;
  const config::Composition& sweep_;
  std::filesystem::path folder_;
  const std::vector<std::string>& command_line_;
};

// The trials of a search, as its ledger knows them.
std::vector<config::Trial> trials_of(const launch::LedgerContent& content,
                                     const std::vector<config::JobOverrides>& asked) {
  std::vector<config::Trial> trials;
  for (size_t i = 0; i < content.jobs.size(); ++i)
    trials.push_back({.overrides = asked.at(i), .objective = content.jobs[i].objective});
  return trials;
}

// A sweeper whose next jobs depend on results: as many at a time as run at a time, or hydra.sweeper.max_batch_size.
launch::SweepSummary run_search(const config::ComposeRequest& request, const config::Composition& composition,
                                const config::SearchOptions& search, const std::filesystem::path& folder,
                                const JobMaker& maker, const launch::SweepOptions& launching) {
  const config::SearchSpace space = config::search_space(request, composition);
  const int at_a_time =
      launching.gpus.empty() ? launching.n_jobs : static_cast<int>(launching.gpus.size()) * launching.jobs_per_gpu;
  const config::NodePtr sweeper = find(composition.config, {"hydra", "sweeper"});
  const config::NodePtr size = sweeper ? sweeper->find("max_batch_size") : nullptr;
  const auto batch = size && size->kind == config::NodeKind::kInt ? size->integer : std::max(at_a_time, 1);
  if (batch < 1) throw Error(ErrorKind::kUsage, "unsupported_sweep", "max_batch_size must be positive");
  std::vector<config::JobOverrides> asked;
  const auto next = [&](const launch::LedgerContent& content) {
    asked.resize(content.jobs.size());
    const auto jobs = config::next_jobs(space, search, trials_of(content, asked), static_cast<size_t>(batch));
    asked.insert(asked.end(), jobs.begin(), jobs.end());
    return maker.make(jobs, content.jobs.size());
  };
  return launch::run_search(folder, {.metric = search.metric, .next = next}, launching);
}

// What was repeated with several seeds, as a table on stdout: index.h5 has every digit.
void print_repeated(const std::vector<results::Aggregate>& repeated) {
  if (repeated.empty()) return;
  std::printf("| overrides | metric | n | mean | std | 95 %% interval |\n| --- | --- | ---: | ---: | ---: | --- |\n");
  for (const auto& row : repeated) {
    const std::string n = row.n == row.runs ? cat(row.n) : cat(row.n, " of ", row.runs);
    std::printf("| %s | %s%s | %s | %.6g |", row.overrides.c_str(), row.metric.c_str(),
                row.unit.empty() ? "" : cat(" (", row.unit, ")").c_str(), n.c_str(), row.mean);
    if (row.n > 1)
      std::printf(" %.3g | [%.6g, %.6g] |\n", row.std, row.ci_low, row.ci_high);
    else
      std::printf(" | |\n");
  }
  std::printf("\n");
}

// The best trial of a search so far.
void print_best(const std::filesystem::path& folder, const config::SearchOptions& search) {
  const launch::JobStatus* best = nullptr;
  const launch::LedgerContent content = launch::read_ledger(folder);
  for (const auto& job : content.jobs) {
    if (!job.objective) continue;
    if (best == nullptr || (search.minimize ? *job.objective < *best->objective : *job.objective > *best->objective))
      best = &job;
  }
  if (best == nullptr) return;
  std::printf("best %s %s: job %d %s\n", search.metric.c_str(), results::number_text(*best->objective).c_str(),
              best->job.index, joined(best->job.overrides, " ").c_str());
}

}  // namespace

int sweep_run(const RunOptions& options, const std::vector<std::string>& command_line) {
  const config::ComposeRequest request = options.request();
  const config::SweepPlan plan = config::plan_sweep(request);
  const config::Composition composition = config::compose(request);
  const auto search = config::search_options(composition);
  const bool asks_results = search && search->method == config::SearchMethod::kTpe;
  if (asks_results && search->metric.empty())
    throw Error(ErrorKind::kUsage, "missing_value", "this sweeper needs to know which metric it looks at",
                "hydra.sweeper.metric", "hydra.sweeper.metric=accuracy hydra.sweeper.direction=maximize");
  const JobMaker checker(options, composition, {}, command_line);
  std::vector<launch::SweepJob> jobs = checker.make(plan.jobs);  // before there is a folder
  if (jobs.empty()) throw Error(ErrorKind::kUsage, "empty_sweep", "this sweep has no jobs", "hydra.sweep.filter");
  refuse_shared_folders(jobs);
  if (options.dry_run) {
    RunOptions first = options;
    first.multirun = false;
    first.overrides = jobs.front().overrides;
    PreparedJob prepared = prepare_job(first.request(), command_line);
    return dry_run(prepared, jobs.size());
  }
  run::install_signal_flag();
  const std::filesystem::path folder = sweep_folder(composition);
  for (auto& job : jobs) job.run_dir = folder / job.run_dir;
  log::info(jobs.size(), " jobs in ", folder.string());
  set_worker_environment(jobs.front());
  const launch::SweepOptions launching = launch_options(composition, command_line);
  const launch::SweepSummary summary = asks_results
                                           ? run_search(request, composition, *search, folder,
                                                        JobMaker(options, composition, folder, command_line), launching)
                                           : launch::run_sweep(folder, jobs, launching);
  print_repeated(summary.repeated);
  if (asks_results) print_best(folder, *search);
  std::printf("%d done, %d failed, %d interrupted, %d pending, %d skipped\n%s\n", summary.done, summary.failed,
              summary.interrupted, summary.pending, summary.skipped, summary.index.c_str());
  return summary.exit_code;
}

}  // namespace frugal::cli
