// frugal results verify: runs a result file again from its own provenance, and says whether it comes out the same.
#include <filesystem>
#include <iostream>
#include <optional>

#include "cli/options.h"
#include "cli/result_files.h"
#include "cli/run_job.h"
#include "core/error.h"
#include "core/io/checksum.h"
#include "core/io/scratch_folder.h"
#include "core/log.h"
#include "core/results/export.h"
#include "core/results/repetition.h"
#include "core/results/sandbox.h"
#include "core/run/provenance.h"
#include "core/run/signals.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
using results::RunData;

std::string fact(const RunData& data, const std::string& key) {
  return run::fact(data.provenance, key);
}

// Paths of inputs and of the config are relative to where the run was started.
void go_where_it_ran(const RunData& data) {
  const std::string folder = fact(data, "working_folder");
  std::error_code failed;
  if (!folder.empty()) fs::current_path(folder, failed);
  if (failed) log::warning("the folder that the run was started in is gone: ", folder);
}

void require_same_inputs(const RunData& data) {
  for (const auto& input : data.inputs) {
    std::error_code none;
    if (!fs::is_regular_file(input.path, none))
      throw Error(ErrorKind::kBadData, "input_missing", cat("the ", input.role, " file that the run read is gone"),
                  input.path);
    const std::string now = io::sha256_file(input.path);
    if (now != input.sha256)
      throw Error(
          ErrorKind::kBadData, "inputs_changed",
          cat("this ", input.role, " file is another one than the run read: sha256 was ", input.sha256, ", is ", now),
          input.path);
  }
}

// What may make a difference and is no part of the config: said, and no reason to refuse.
void print_other_conditions(const RunData& then, const RunData& now) {
  for (const char* key : {"code.commit", "code.diff_sha256", "code.build_type", "code.compiler", "code.flags",
                          "cpu.model", "gpu.0.name", "library.libtorch", "library.glibc"})
    if (fact(then, key) != fact(now, key))
      std::cout << "  warning: " << key << " was '" << fact(then, key) << "', is '" << fact(now, key) << "'\n";
}

// The same job, but that a model which it would write beside its results is written to `elsewhere`.
PreparedJob job_of(const RunData& data, const fs::path& elsewhere) {
  PreparedJob prepared = recorded_job(data);
  const auto save_to = "/experiment/save_to"_json_pointer;
  nlohmann::json& config = prepared.job.config;
  if (config.contains(save_to) && config[save_to].is_string() && config[save_to] != "" && config[save_to] != "none")
    config[save_to] = elsewhere.string();
  prepared.job.provenance = run::run_provenance({"frugal", "results", "verify"});
  return prepared;
}

RunData run_again(const RunData& data, const io::ScratchFolder& scratch) {
  PreparedJob prepared = job_of(data, scratch.path() / "saved");
  const launch::RunOutcome outcome = run_to_end(prepared, scratch.path() / "run");
  if (outcome.result.state == results::RunState::kInterrupted)
    throw Error(ErrorKind::kRunFailed, "interrupted", "stopped by a signal: nothing was verified");
  RunData again = results::read_run_file(outcome.finished->file);
  again.open.config_json = data.open.config_json;  // save_to was changed for the repetition only
  return again;
}

// Whether it came out the same. Prints the verdict.
bool verify(const fs::path& file, std::optional<double> tolerance) {
  const RunData data = results::read_run(file);
  if (data.state() != results::RunState::kDone)
    throw Error(ErrorKind::kUsage, "not_done",
                cat("only a run that is done can be verified, this one is ", name(data.state())), file.string());
  go_where_it_ran(data);
  require_same_inputs(data);
  const std::string mode = fact(data, "device.deterministic");
  const bool strict = !tolerance && (mode.empty() || mode == "strict");
  const io::ScratchFolder scratch;
  const RunData again = run_again(data, scratch);
  const double allowed = tolerance.value_or(results::kRepetitionTolerance);
  const results::Repetition repetition = results::compare_repetition(data, again, strict ? 0 : allowed);
  std::cout << file.string() << ": ";
  if (content_hash(data) == content_hash(again)) {
    std::cout << "the same, content hash " << content_hash(data) << "\n";
  } else if (!strict && repetition.differences.empty()) {
    std::cout << "the same within " << allowed << ", largest difference " << repetition.largest << "\n";
  } else {
    std::cout << "DIFFERS" << (strict ? "" : cat(" by more than ", allowed)) << "\n";
  }
  if (strict || !repetition.differences.empty())
    for (const auto& difference : repetition.differences) std::cout << "  " << difference << "\n";
  print_other_conditions(data, again);
  return content_hash(data) == content_hash(again) || (!strict && repetition.differences.empty());
}

}  // namespace

int results_verify(std::span<const std::string> args) {
  namespace po = boost::program_options;
  po::options_description options("options");
  options.add_options()(
      "tolerance", po::value<double>(),
      "largest |a - b| / max(1, |a|) of metrics, series and samples that still counts as the same; default: equal bits "
      "for a run with device.deterministic=strict, 1e-4 else");
  const Parsed parsed = parse_options(
      args, "frugal results verify FILE|FOLDER...",
      "Runs each result file again, from the config, seed, threads and device that it names, in a temporary folder,\n"
      "and compares. Says what differs, and what is different about code and machine. Exits with 1 if a result\n"
      "differs, 3 if an input file is no longer the one that was read.",
      options, 1);
  if (parsed.help) return 0;
  std::optional<double> tolerance;
  if (parsed.values.contains("tolerance")) tolerance = parsed.values["tolerance"].as<double>();
  if (tolerance && !(*tolerance >= 0))
    throw Error(ErrorKind::kUsage, "bad_option", "--tolerance is a number of at least 0");
  auto files = result_files(parsed.words);
  for (auto& file : files) file = fs::absolute(file);
  run::install_signal_flag();
  int worst = 0;
  for (const auto& file : files) {
    try {
      if (!verify(file, tolerance)) worst = std::max(worst, exit_code(ErrorKind::kCheckFailed));
    } catch (const Error& error) {
      if (files.size() == 1) throw;
      log::error(file.string(), ": ", error.what());
      worst = std::max(worst, exit_code(error.kind()));
    }
    if (run::requested_signal() != 0) return run::signal_exit_code(run::requested_signal());
  }
  return worst;
}

}  // namespace frugal::cli
