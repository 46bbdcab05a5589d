#include "cli/run_job.h"

#include "cli/components.h"
#include "core/error.h"
#include "core/run/provenance.h"
#include "core/run/run_folder.h"
#include "core/run/signals.h"

namespace frugal::cli {
namespace {

constexpr const char* kHydraRunDir = "outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}";

std::string choice_text(const config::NodePtr& option) {
  return option ? config::python_text(*option) : "null";
}

config::NodePtr without_hydra(const config::NodePtr& root) {
  const config::NodePtr copy = root->copy();
  copy->entries.erase(config::Key("hydra"));
  return copy;
}

}  // namespace

PreparedJob prepare_job(const config::ComposeRequest& request, const std::vector<std::string>& command_line) {
  PreparedJob prepared{.composition = config::compose(request), .config = {}, .flavour = {}, .job = {}};
  const config::Composition& composition = prepared.composition;
  const config::NodePtr resolved = without_hydra(config::resolve(composition.config));
  config::require_no_missing(*resolved);
  prepared.config = config::to_json(*resolved);
  check_components(prepared.config, [&](std::string_view key) { return composition.where(key); });
  prepared.flavour = worker_flavour(prepared.config);
  prepared.job.config = nlohmann::json::parse(prepared.config.dump());
  prepared.job.config_yaml = config::yaml_text(*resolved);
  prepared.job.overrides = composition.task_overrides;
  for (const auto& [group, option] : composition.choices) prepared.job.choices.emplace_back(group, choice_text(option));
  prepared.job.provenance = run::run_provenance(command_line);
  if (const Json* threads = options_detail::find(prepared.config, "device.threads")) prepared.job.threads = threads->get<int>();
  return prepared;
}

void open_folder(PreparedJob& prepared) {
  const config::NodePtr& root = prepared.composition.config;
  const config::NodePtr run = root->find("hydra") ? root->find("hydra")->find("run") : nullptr;
  const config::NodePtr dir = run ? run->find("dir") : nullptr;
  if (!dir || dir->text == kHydraRunDir) {
    prepared.job.run_dir = run::make_dated_folder();
    prepared.job.resume = run::prepare_folder(prepared.job.run_dir, run::Existing::kResume);
  } else {
    prepared.job.run_dir = config::select(root, "hydra.run.dir")->text;
    prepared.job.resume = run::prepare_folder(prepared.job.run_dir, run::Existing::kResume);
  }
  const config::NodePtr hydra = root->find("hydra");
  run::write_hydra_files(prepared.job.run_dir, prepared.job.config_yaml, hydra ? config::yaml_text(*hydra) : "", prepared.job.overrides);
}

launch::WorkerSpec worker_spec(const std::string& flavour, const Json& config) {
  const Json* threads = options_detail::find(config, "device.threads");
  const std::string count = threads != nullptr ? threads->dump() : "1";
  return {.program = launch::worker_program(flavour),
          .environment = {{"OMP_NUM_THREADS", count},
                          {"MKL_NUM_THREADS", count},
                          {"MKL_CBWR", "AUTO"},                      // same sums whatever the alignment
                          {"CUBLAS_WORKSPACE_CONFIG", ":4096:8"}}};  // read when cuBLAS is loaded, so before exec
}

results::Finished run_to_end(PreparedJob& prepared) {
  run::install_signal_flag();
  launch::WorkerProcess worker(worker_spec(prepared.flavour, prepared.config));
  prepared.job.id = prepared.job.run_dir.string();
  const run::JobResult result = launch::run_on(worker, prepared.job);
  const std::optional<results::StateRecord> ending = launch::ending_record(result);
  const results::Finished finished = results::finish_run(prepared.job.run_dir, ending, /*recovered=*/false);
  if (result.state == results::RunState::kFailed) throw run::as_error(result);
  return finished;
}

}  // namespace frugal::cli
