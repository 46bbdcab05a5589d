#include "cli/run_job.h"

#include <cstdio>
#include <cstdlib>

#include "cli/components.h"
#include "cli/run_ranks.h"
#include "core/config/show.h"
#include "core/error.h"
#include "core/log.h"
#include "core/run/provenance.h"
#include "core/run/run_folder.h"
#include "core/run/signals.h"
#include "experiments/parallel/options.h"

namespace frugal::cli {
namespace {

constexpr const char* kHydraRunDir = "outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}";

std::string choice_text(const config::NodePtr& option) {
  return option ? config::python_text(*option) : "null";
}

int threads_of(const Json& config) {
  const Json* threads = options_detail::find(config, "device.threads");
  return threads != nullptr ? threads->get<int>() : 1;
}

void print_metrics(const results::Finished& finished) {
  for (const auto& metric : finished.metrics) {
    std::printf("%-24s %12.6g %-4s", metric.name.c_str(), metric.value, metric.unit.c_str());
    if (metric.ci_low && metric.ci_high) std::printf("  [%.6g, %.6g]", *metric.ci_low, *metric.ci_high);
    std::printf("\n");
  }
  std::printf("content hash %s\n%s\n", finished.content_hash.c_str(), finished.file.c_str());
}

// What of a checked config the job says by itself. A run in one process records no `parallel` node: it is the same run
// as before there was one.
void take_over(PreparedJob& prepared) {
  const ParallelOptions parallel = parallel_options().read(prepared.config.value("parallel", Json()), "parallel");
  prepared.job.ranks = static_cast<int>(parallel.ranks);
  prepared.job.rank_timeout_minutes = parallel.timeout_minutes;
  if (parallel.ranks == 1) prepared.config.erase("parallel");
  prepared.flavour = worker_flavour(prepared.config);
  prepared.job.config = nlohmann::json::parse(prepared.config.dump());
  prepared.job.threads = threads_of(prepared.config);
}

}  // namespace

PreparedJob prepare_job(const config::ComposeRequest& request, const std::vector<std::string>& command_line) {
  PreparedJob prepared{.composition = config::compose(request), .config = {}, .flavour = {}, .job = {}};
  const config::Composition& composition = prepared.composition;
  const config::NodePtr resolved = config::cfg_node(composition, {.resolve = config::Resolve::kYes});
  config::require_no_missing(*resolved);
  prepared.config = config::to_json(*resolved);
  check_components(prepared.config, [&](std::string_view key) { return composition.where(key); });
  take_over(prepared);
  if (prepared.job.ranks == 1) resolved->entries.erase(config::Key("parallel"));
  prepared.job.config_yaml = config::yaml_text(*resolved);
  prepared.job.overrides = composition.task_overrides;
  for (const auto& [group, option] : composition.choices) prepared.job.choices.emplace_back(group, choice_text(option));
  prepared.job.provenance = run::run_provenance(command_line);
  return prepared;
}

std::filesystem::path run_folder(const config::Composition& composition) {
  const config::NodePtr hydra = composition.config->find("hydra");
  const config::NodePtr run = hydra ? hydra->find("run") : nullptr;
  const config::NodePtr dir = run ? run->find("dir") : nullptr;
  if (!dir || dir->text == kHydraRunDir) return run::make_dated_folder();
  return config::select(composition.config, "hydra.run.dir")->text;
}

std::vector<std::pair<std::string, std::string>> worker_environment(const Json& config) {
  const std::string count = std::to_string(threads_of(config));
  std::vector<std::pair<std::string, std::string>> variables = {
      {"OMP_NUM_THREADS", count},
      {"MKL_NUM_THREADS", count},
      // Threads that wait must not spin: where another process wants the cores, each of a training step's hundreds of
      // barriers then waits for a time slice (measured on two busy cores: 20 times slower, 18 times the CPU time).
      {"OMP_WAIT_POLICY", "PASSIVE"},
      {"MKL_CBWR", "AUTO"}};  // same sums whatever the alignment
  std::erase_if(variables, [](const auto& variable) { return std::getenv(variable.first.c_str()) != nullptr; });
  return variables;
}

launch::RunOutcome run_to_end(PreparedJob& prepared, const std::filesystem::path& folder) {
  prepared.job.run_dir = folder;
  prepared.job.id = folder.string();
  const config::NodePtr root = prepared.composition.config;
  const config::NodePtr hydra = root ? root->find("hydra") : nullptr;
  const std::string hydra_yaml = hydra ? config::yaml_text(*hydra) : "";
  const bool starts_ranks = prepared.job.ranks > 1 && !launched_place(prepared);
  launch::RunOutcome outcome =
      starts_ranks ? launch::run_once(prepared.job, hydra_yaml, run::Existing::kResume, rank_starter(prepared))
                   : launch::run_once(prepared.job, hydra_yaml, run::Existing::kResume,
                                      launch::WorkerSpec{.program = launch::worker_program(prepared.flavour),
                                                         .environment = worker_environment(prepared.config)});
  if (outcome.result.state == results::RunState::kFailed) throw run::as_error(outcome.result);
  if (outcome.result.state == results::RunState::kDone && !outcome.finished)
    throw Error(ErrorKind::kRunFailed, "no_result", "the run ended without a result file", folder.string());
  return outcome;
}

int run_and_print(PreparedJob& prepared) {
  if (const auto place = launched_place(prepared); place && place->rank > 0) return follow_rank_zero(prepared);
  run::install_signal_flag();  // before there is a folder: from here on a signal leaves one that can be resumed
  const std::filesystem::path folder = run_folder(prepared.composition);
  log::info("run folder ", folder.string());
  const launch::RunOutcome outcome = run_to_end(prepared, folder);
  if (outcome.finished) print_metrics(*outcome.finished);
  if (outcome.result.state == results::RunState::kInterrupted)
    log::warning(outcome.result.message, "; the same command with hydra.run.dir=", folder.string(), " goes on");
  return outcome.result.exit_code;
}

PreparedJob recorded_job(const results::RunData& data) {
  PreparedJob prepared{.composition = {}, .config = {}, .flavour = {}, .job = {}};
  prepared.config = Json::parse(data.open.config_json);
  check_components(prepared.config, {});
  take_over(prepared);
  prepared.job.config_yaml = data.open.config_yaml;
  prepared.job.overrides = data.open.overrides;
  prepared.job.choices = data.open.choices;
  return prepared;
}

}  // namespace frugal::cli
