// frugal run --dry-run: everything is composed, checked, found and built, a few steps are timed, nothing is kept.
#include <cstdio>
#include <filesystem>

#include "cli/run_job.h"
#include "core/error.h"
#include "core/io/scratch_folder.h"
#include "core/results/run_file.h"
#include "core/run/signals.h"
#include "experiments/registry.h"

namespace frugal::cli {
namespace {

std::string seconds_text(double seconds) {
  char text[64];
  if (seconds < 120)
    std::snprintf(text, sizeof text, "%.3g s", seconds);
  else if (seconds < 2 * 3600)
    std::snprintf(text, sizeof text, "%.1f min", seconds / 60);
  else
    std::snprintf(text, sizeof text, "%.1f h", seconds / 3600);
  return text;
}

std::string mib(double bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3g MiB", bytes / (1024.0 * 1024.0));
  return text;
}

double value(const results::Finished& finished, std::string_view name) {
  for (const auto& metric : finished.metrics)
    if (metric.name == name) return metric.value;
  return 0;
}

void print_plan(const results::Finished& plan, double jobs) {
  const double step = value(plan, run::kPlanStepSeconds), steps = value(plan, run::kPlanSteps);
  const double rest = value(plan, run::kPlanOtherSeconds);
  std::printf("steps      %.0f\n", steps);
  std::printf("time       about %s: %.0f steps of %s, %s for what is not a step\n",
              seconds_text(step * steps + rest).c_str(), steps, seconds_text(step).c_str(), seconds_text(rest).c_str());
  if (const double peak = value(plan, run::kPlanPeakBytes); peak > 0)
    std::printf("memory     %s at the peak of the timed steps, tensors only\n", mib(peak).c_str());
  const double checkpoint = value(plan, run::kPlanCheckpointBytes), kept = value(plan, run::kPlanCheckpoints);
  const double result = value(plan, run::kPlanResultBytes);
  std::printf("disk       about %s: %.0f checkpoints of %s, %s of results\n", mib(checkpoint * kept + result).c_str(),
              kept, mib(checkpoint).c_str(), mib(result).c_str());
  if (jobs > 1)
    std::printf("sweep      %.0f jobs like this one: about %s one after the other, %s\n", jobs,
                seconds_text(jobs * (step * steps + rest)).c_str(), mib(jobs * (checkpoint * kept + result)).c_str());
}

}  // namespace

int dry_run(PreparedJob& prepared, std::size_t jobs) {
  const std::string name = prepared.job.config["experiment"].value("name", "");
  for (const ExperimentInfo& info : experiment_infos())
    if (info.name == name && !info.plans)
      throw Error(ErrorKind::kUsage, "no_dry_run", cat("experiment=", name, " cannot tell beforehand what it takes"),
                  "--dry-run", "run it on little data or few steps first");
  run::install_signal_flag();
  const io::ScratchFolder scratch;
  prepared.job.dry_run = true;
  const launch::RunOutcome outcome = run_to_end(prepared, scratch.path() / "run");
  if (outcome.result.state == results::RunState::kInterrupted) return outcome.result.exit_code;
  print_plan(*outcome.finished, static_cast<double>(jobs));
  return 0;
}

}  // namespace frugal::cli
