#include "cli/table_plan.h"

#include <fnmatch.h>

#include <algorithm>

#include "cli/sweep_run.h"
#include "core/error.h"
#include "core/results/run_file.h"
#include "core/run/run_folder.h"
#include "core/text.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
using report::TableColumn;
using report::TableRow;
using report::TableStage;

using Texts = std::vector<std::string>;

void append(Texts& all, const Texts& more) {
  all.insert(all.end(), more.begin(), more.end());
}

// As a value of an override, whatever characters it has.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("\\'") : std::string(1, c);
  return out + "'";
}

// The overrides of a map's entry; none where there is no such.
template <typename Map>
const Texts& of(const Map& map, const std::string& key) {
  static const Texts none;
  const auto found = map.find(key);
  return found == map.end() ? none : found->second;
}

}  // namespace

bool PlannedRun::done() const {
  return fs::exists(job.run_dir / results::kRunFileName) && run::folder_status(job.run_dir) == run::FolderStatus::kDone;
}

bool PlannedRun::has_model() const {
  return fs::exists(job.run_dir / "model/config.json");
}

TablePlan::TablePlan(const TableRequest& request) : request_(request) {
  options_.config_dirs = request.config_dirs;
  for (const TableColumn& column : request.spec.columns)
    if (column.average_of.empty() && column.stage.empty() && column.status.empty())
      conditions_.try_emplace(condition_of(column), &column);
}

std::string TablePlan::condition_of(const TableColumn& column) {
  return joined(column.overrides, " ");
}

std::vector<size_t> TablePlan::rows() const {
  std::vector<size_t> shown;
  for (size_t r = 0; r < spec().rows.size(); ++r)
    if (::fnmatch(request_.rows.c_str(), spec().rows[r].name.c_str(), FNM_EXTMATCH) == 0) shown.push_back(r);
  if (shown.empty())
    throw Error(ErrorKind::kUsage, "unknown_row",
                cat("no row of the table matches '", request_.rows, "' at scale ", spec().scale), "--row");
  return shown;
}

// Experiment, table, scale, column, row; then what the user typed, and last the model of the stage.
std::string TablePlan::cell(const TableRow& row, const std::string& condition, int64_t seed, const Texts& more) {
  const std::string input = row.from.empty() ? std::string() : stage(row, row.from, seed);
  Texts all = {"experiment=" + spec().experiment};
  append(all, spec().overrides);
  append(all, spec().scales.at(spec().scale));
  append(all, conditions_.at(condition)->overrides);
  append(all, row.overrides);
  all.push_back(cat("seed=", seed));
  append(all, request_.overrides);
  append(all, of(request_.stage_overrides, "cells"));
  append(all, more);
  if (!input.empty()) append(all, model_of(input));
  return add(all, "", input,
             cat(row.name, condition.empty() ? "" : " " + condition, " seed ", seed,
                 more.empty() ? "" : " " + joined(more, " ")));
}

Texts TablePlan::tuning_overrides(const TableRow& row, const std::string& value) const {
  Texts more = {row.tune->key + "=" + value};
  append(more, spec().tuning.overrides);
  return more;
}

Texts TablePlan::tries(const TableRow& row, const std::string& condition) {
  Texts runs;
  for (const std::string& value : row.tune->values)
    runs.push_back(cell(row, condition, spec().tuning.seed, tuning_overrides(row, value)));
  return runs;
}

Texts TablePlan::known(const TableRow& row, const std::string& condition) {
  if (row.tune) return tries(row, condition);
  Texts runs;
  for (const int64_t seed : spec().seeds) runs.push_back(cell(row, condition, seed));
  return runs;
}

// The same for a stage: its own overrides and those that the row gives it.
std::string TablePlan::stage(const TableRow& row, const std::string& name, int64_t seed) {
  const TableStage& stage = spec().stages.at(name);
  const std::string input = stage.from.empty() ? std::string() : this->stage(row, stage.from, seed);
  Texts all = spec().overrides;
  append(all, spec().scales.at(spec().scale));
  append(all, stage.overrides);
  append(all, of(row.stage_values, name));
  all.push_back(cat("seed=", seed));
  append(all, request_.overrides);
  append(all, of(request_.stage_overrides, name));
  if (!input.empty()) append(all, model_of(input));
  return add(all, name, input, cat(row.name, " stage ", name, " seed ", seed));
}

// A model that a stage saved, with the tokenizer of the model that it began with: a .gguf file's is not saved with it.
Texts TablePlan::model_of(const std::string& stage_key) const {
  const PlannedRun& run = runs_.at(stage_key);
  Texts all = {"model=auto", "model.path=" + quoted((run.job.run_dir / "model").string())};
  const auto& model = run.job.config.at("model");
  for (const char* key : {"tokenizer", "path"})
    if (const auto found = model.find(key); found != model.end() && found->is_string()) {
      all.push_back("model.tokenizer=" + quoted(found->get<std::string>()));
      break;
    }
  return all;
}

void TablePlan::check_leaves_model(const nlohmann::json& config, const std::string& name) const {
  const TableStage& stage = spec().stages.at(name);
  const auto& experiment = config.at("experiment");
  const std::string experiment_name = experiment.value("name", "");
  const auto save_to = experiment.find("save_to");
  if (save_to == experiment.end())
    throw Error(ErrorKind::kUsage, "bad_stage",
                cat("stage '", name, "' runs experiment=", experiment_name, ", which leaves no model"), stage.where,
                "experiment=distillation or experiment=preference in the stage's overrides");
  if (!save_to->is_null())
    throw Error(ErrorKind::kUsage, "bad_stage",
                cat("stage '", name, "' sets experiment.save_to=", save_to->dump(),
                    "; the model of a stage lies in its run's folder"),
                stage.where, "leave experiment.save_to out");
}

std::string TablePlan::add(const Texts& overrides, const std::string& stage, const std::string& input,
                           const std::string& label) {
  const auto [known, is_new] = keys_.try_emplace(joined(overrides, "\n"));
  if (!is_new) return known->second;
  PlannedRun one{.job = sweep_job(options_, overrides, std::nullopt, {}, request_.command_line),
                 .label = label,
                 .stage = stage,
                 .input = input,
                 .depth = input.empty() ? 0 : runs_.at(input).depth + 1};
  if (!stage.empty()) check_leaves_model(one.job.config, stage);
  nlohmann::json counted = one.job.config;
  if (!input.empty()) counted["model"]["path"] = "stage " + input;
  const std::string key = launch::config_hash(counted).substr(0, 16);
  one.job.run_dir = fs::absolute(request_.runs / key);
  runs_.try_emplace(key, std::move(one));
  return known->second = key;
}

std::vector<std::string> TablePlan::with_inputs(const std::string& key) const {
  std::vector<std::string> all;
  for (std::string at = key; !at.empty(); at = runs_.at(at).input) all.push_back(at);
  std::reverse(all.begin(), all.end());
  return all;
}

std::optional<Missing> TablePlan::missing(const std::string& key) const {
  const PlannedRun& run = runs_.at(key);
  Json config = Json::parse(run.job.config.dump());
  if (!run.input.empty()) config["model"].erase("path");  // the stage makes it
  auto missing = missing_inputs(config);
  if (!missing || run.stage.empty()) return missing;
  const TableStage& stage = spec().stages.at(run.stage);
  if (!missing->files.empty())
    missing->reason += cat("; ", stage.data.empty() ? "" : stage.data + "; ", "then ", run.stage, ":dataset.",
                           missing->files, "=[FILE,...]");
  missing->reason = cat("stage ", run.stage, ": ", missing->reason);
  return missing;
}

}  // namespace frugal::cli
