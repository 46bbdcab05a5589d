#include "cli/run_job.h"

#include <cstdlib>

#include "cli/components.h"
#include "core/config/show.h"
#include "core/error.h"
#include "core/run/provenance.h"
#include "core/run/run_folder.h"

namespace frugal::cli {
namespace {

constexpr const char* kHydraRunDir = "outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}";

std::string choice_text(const config::NodePtr& option) {
  return option ? config::python_text(*option) : "null";
}

}  // namespace

PreparedJob prepare_job(const config::ComposeRequest& request, const std::vector<std::string>& command_line) {
  PreparedJob prepared{.composition = config::compose(request), .config = {}, .flavour = {}, .job = {}};
  const config::Composition& composition = prepared.composition;
  const config::NodePtr resolved = config::cfg_node(composition, {.resolve = config::Resolve::kYes});
  config::require_no_missing(*resolved);
  prepared.config = config::to_json(*resolved);
  check_components(prepared.config, [&](std::string_view key) { return composition.where(key); });
  prepared.flavour = worker_flavour(prepared.config);
  prepared.job.config = nlohmann::json::parse(prepared.config.dump());
  prepared.job.config_yaml = config::yaml_text(*resolved);
  prepared.job.overrides = composition.task_overrides;
  for (const auto& [group, option] : composition.choices) prepared.job.choices.emplace_back(group, choice_text(option));
  prepared.job.provenance = run::run_provenance(command_line);
  if (const Json* threads = options_detail::find(prepared.config, "device.threads"))
    prepared.job.threads = threads->get<int>();
  return prepared;
}

std::filesystem::path run_folder(const config::Composition& composition) {
  const config::NodePtr hydra = composition.config->find("hydra");
  const config::NodePtr run = hydra ? hydra->find("run") : nullptr;
  const config::NodePtr dir = run ? run->find("dir") : nullptr;
  if (!dir || dir->text == kHydraRunDir) return run::make_dated_folder();
  return config::select(composition.config, "hydra.run.dir")->text;
}

void set_worker_environment(const Json& config) {
  const Json* threads = options_detail::find(config, "device.threads");
  const std::string count = threads != nullptr ? threads->dump() : "1";
  const std::pair<const char*, std::string> variables[] = {
      {"OMP_NUM_THREADS", count},
      {"MKL_NUM_THREADS", count},
      {"MKL_CBWR", "AUTO"},                     // same sums whatever the alignment
      {"CUBLAS_WORKSPACE_CONFIG", ":4096:8"}};  // read when cuBLAS is loaded
  for (const auto& [name, value] : variables) ::setenv(name, value.c_str(), /*overwrite=*/0);
}

launch::RunOutcome run_to_end(PreparedJob& prepared, const std::filesystem::path& folder) {
  set_worker_environment(prepared.config);
  prepared.job.run_dir = folder;
  prepared.job.id = folder.string();
  const config::NodePtr hydra = prepared.composition.config->find("hydra");
  launch::RunOutcome outcome =
      launch::run_once(prepared.job, hydra ? config::yaml_text(*hydra) : "", run::Existing::kResume,
                       {.program = launch::worker_program(prepared.flavour)});
  if (outcome.result.state == results::RunState::kFailed) throw run::as_error(outcome.result);
  if (outcome.result.state == results::RunState::kDone && !outcome.finished)
    throw Error(ErrorKind::kRunFailed, "no_result", "the run ended without a result file", folder.string());
  return outcome;
}

}  // namespace frugal::cli
