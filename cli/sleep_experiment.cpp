#include "cli/sleep_experiment.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "cli/sleep_options.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/run/signals.h"

namespace frugal::cli {
namespace {

using results::Column;
using results::ColumnType;
using results::Direction;

void act_on_fault(const std::string& fault) {
  if (fault == "throw") throw Error(ErrorKind::kRunFailed, "asked_to_fail", "experiment.fault=throw");
  if (fault == "hang")
    while (true) std::this_thread::sleep_for(std::chrono::seconds(1));
  if (fault == "crash") ::raise(SIGSEGV);
  if (fault == "kill") ::raise(SIGKILL);
  if (fault == "exit") std::_Exit(7);
  if (fault != "none")
    throw Error(ErrorKind::kUsage, "bad_value", cat("experiment.fault: no such fault '", fault, "'"));
}

void save_state(run::RunContext& context, std::int64_t next_step) {
  context.save_checkpoint(next_step, [&](const std::filesystem::path& folder) {
    io::write_atomic(folder / "step.txt", std::to_string(next_step), io::Durability::kNoSync);
  });
}

// A number that depends on seed and step only, so that a resumed run records what an unbroken one does.
double value_at(const run::RunContext& context, std::int64_t step) {
  run::Stream stream = context.seeds.stream("data");
  stream.seek(static_cast<std::uint64_t>(step) * 2);
  return stream.uniform();
}

void record_step(run::RunContext& context, std::int64_t step) {
  const double value = value_at(context, step);
  context.recorder.series("loss", step, std::exp(-0.01 * static_cast<double>(step)) + 0.1 * value);
  context.recorder.sample({cat("sample-", step), value, value > 0.5});
}

void record_end(run::RunContext& context, const SleepOptions& options) {
  double sum = 0;
  for (std::int64_t step = 0; step < options.steps; ++step) sum += value_at(context, step);
  context.recorder.metric({.name = "score",
                           .value = sum / static_cast<double>(std::max<std::int64_t>(options.steps, 1)),
                           .direction = Direction::kHigherIsBetter,
                           .count = options.steps,
                           .sample_column = "score"});
  if (options.array_elements <= 0) return;
  std::vector<float> elements(static_cast<std::size_t>(options.array_elements));
  run::Stream stream = context.seeds.stream("array");
  for (auto& element : elements) element = static_cast<float>(stream.uniform());
  context.recorder.array({.name = "state", .shape = {options.array_elements}, .dims = {"element"}}, elements.data());
}

}  // namespace

namespace {

void plan(const run::RunContext& context, const SleepOptions& options) {
  const auto steps = static_cast<double>(options.steps);
  const bool saves = options.checkpoint_every > 0 && options.checkpoint_every <= options.steps;
  context.record_plan(
      {{run::kPlanSteps, steps},
       {run::kPlanStepSeconds, options.steps > 0 ? options.ms * 1e-3 / steps : 0},
       {run::kPlanCheckpointBytes, saves ? 1024 : 0},
       {run::kPlanCheckpoints, saves ? static_cast<double>(context.kept_checkpoints()) : 0},
       {run::kPlanResultBytes, 20'000 + 200 * steps + 8 * static_cast<double>(options.array_elements)}});
}

}  // namespace

void sleep_experiment(run::RunContext& context) {
  const Json config = Json::parse(context.job.config.dump());
  const SleepOptions options = sleep_option_table().read(config.value("experiment", Json()), "experiment");
  if (context.job.dry_run) return plan(context, options);
  std::int64_t first = 0;
  if (const auto checkpoint = context.restore_checkpoint()) first = checkpoint->step;
  context.recorder.declare_samples({{.name = "id", .type = ColumnType::kString, .description = "name of the sample"},
                                    {.name = "score", .unit = "1", .description = "uniform in [0, 1)"},
                                    {.name = "correct", .type = ColumnType::kBool, .description = "score > 0.5"}});
  if (context.seeds.stream("fail").uniform() < options.fail_probability)
    throw Error(ErrorKind::kRunFailed, "asked_to_fail", "experiment.fail_probability");
  const auto step_time = std::chrono::duration<double, std::milli>(
      options.ms / static_cast<double>(std::max<std::int64_t>(options.steps, 1)));
  for (std::int64_t step = first; step < options.steps; ++step) {
    if (step == options.fault_at) act_on_fault(options.fault);
    std::this_thread::sleep_for(step_time);
    record_step(context, step);
    const bool stop = context.stop_requested();
    if (stop || (options.checkpoint_every > 0 && (step + 1) % options.checkpoint_every == 0))
      save_state(context, step + 1);
    if (stop) throw run::Interrupted(run::requested_signal());
  }
  record_end(context, options);
}

}  // namespace frugal::cli
