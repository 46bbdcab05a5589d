// frugal results rerun: a recorded config once more, with overrides, in a run folder of its own.
#include <filesystem>
#include <iostream>

#include "cli/options.h"
#include "cli/result_files.h"
#include "cli/run_job.h"
#include "cli/run_options.h"
#include "core/config/override.h"
#include "core/error.h"
#include "core/log.h"
#include "core/results/sandbox.h"
#include "core/run/signals.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
using results::RunData;

bool names_a_group(const std::string& text, const RunData& data) {
  const config::Override item = config::parse_overrides({text}).front();
  const std::string& key = item.key;
  return std::any_of(data.open.choices.begin(), data.open.choices.end(),
                     [&](const auto& choice) { return choice.first == key && !key.starts_with("hydra"); });
}

// Values are changed in the config as it was recorded, whatever became of the config files since.
PreparedJob changed_values(const RunData& data, const std::vector<std::string>& overrides,
                           const std::vector<std::string>& command_line) {
  config::ComposeRequest request{.config_dirs = {}, .overrides = overrides};
  request.more_sources = {
      config::memory_source("recorded run", "recorded://", {{"config.yaml", data.open.config_yaml}})};
  PreparedJob prepared = prepare_job(request, command_line);
  prepared.job.choices = data.open.choices;
  return prepared;
}

// A group brings its own keys, which the config files hold: they must still give what was recorded.
PreparedJob changed_groups(const RunData& data, const std::vector<std::string>& overrides,
                           const std::vector<std::string>& command_line) {
  RunOptions options;
  options.overrides = data.open.overrides;
  const PreparedJob before = prepare_job(options.request(), command_line);
  if (before.job.config != nlohmann::json::parse(data.open.config_json))
    throw Error(ErrorKind::kUsage, "configs_changed",
                "the config files no longer give the config that was recorded, so a group cannot be chosen in it", {},
                "override single keys, or start from the files: frugal run OVERRIDE...");
  options.overrides.insert(options.overrides.end(), overrides.begin(), overrides.end());
  return prepare_job(options.request(), command_line);
}

}  // namespace

int results_rerun(std::span<const std::string> args) {
  const Parsed parsed =
      parse_options(args, "frugal results rerun FILE [OVERRIDE...]",
                    "Runs the config that a result file holds once more, with overrides (key=value, group=option,\n"
                    "hydra.run.dir=FOLDER), in a new run folder.",
                    boost::program_options::options_description("options"), 1);
  if (parsed.help) return 0;
  const auto files = result_files({parsed.words[0]});
  if (files.size() != 1)
    throw Error(ErrorKind::kUsage, "not_one_run", cat("expected one result file, found ", files.size()),
                parsed.words[0]);
  const RunData data = results::read_run(files[0]);
  const std::vector<std::string> overrides(parsed.words.begin() + 1, parsed.words.end());
  std::vector<std::string> command_line = {"frugal", "results", "rerun"};
  command_line.insert(command_line.end(), args.begin(), args.end());
  const bool groups = std::any_of(overrides.begin(), overrides.end(),
                                  [&](const std::string& text) { return names_a_group(text, data); });
  PreparedJob prepared =
      groups ? changed_groups(data, overrides, command_line) : changed_values(data, overrides, command_line);
  if (!groups) {
    prepared.job.overrides = data.open.overrides;
    for (const auto& text : prepared.composition.task_overrides) prepared.job.overrides.push_back(text);
  }
  prepared.job.provenance["rerun.of"] = data.open.run_id;
  return run_and_print(prepared);
}

}  // namespace frugal::cli
