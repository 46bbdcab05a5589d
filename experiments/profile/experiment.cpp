#include "experiments/profile/experiment.h"

#include <algorithm>
#include <memory>

#include "core/error.h"
#include "core/log.h"
#include "core/profile/process_memory.h"
#include "core/run/signals.h"
#include "experiments/device.h"
#include "experiments/profile/cell.h"
#include "experiments/profile/device.h"
#include "experiments/profile/options.h"
#include "models/nn/cuda_support.h"
#include "models/nn/memory.h"

namespace frugal {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kEnergySeconds = 1;  // the drivers' counters move every 20 to 100 ms

profile::Rule rule_of(const ProfileOptions& o) {
  return {.warmup = o.warmup,
          .min_samples = o.min_samples,
          .max_samples = o.max_samples,
          .min_seconds = o.min_seconds,
          .time_limit = o.time_limit,
          .relative_spread = o.relative_spread,
          .believable_spread = o.believable_spread};
}

struct Subject {
  std::string name;
  std::unique_ptr<Workload> workload;
};

profile::Work work_of(Workload& workload, Mode mode) {
  if (mode != Mode::kTrainStep) return [&workload] { workload.forward(); };
  return [&workload] {
    workload.forward_backward();
    workload.update();
  };
}

class Profiler {
 public:
  Profiler(run::RunContext& run, const Json& config)
      : run_(run),
        config_(config),
        options_(profile_options().read(config.value("experiment", Json()), "experiment")),
        rule_(rule_of(options_)),
        device_(open_device(config.value("device", Json()), run)),
        timer_(make_timer(device_)),
        monitor_(make_monitor(device_)) {
    check_precision(precision_named(options_.precision), device_);
    subjects_.push_back({"model", load(config.value("method", Json()))});
    if (options_.baseline == "plain")
      subjects_.push_back({"baseline", load(nullptr)});
    else if (options_.baseline != "none")
      subjects_.push_back({"baseline", load(options_.baseline)});
    run_.recorder.provenance("measuring.timer", timer_->name());
    run_.recorder.provenance("measuring.rule", rule_.text());
  }

  void run_all() {
    declare_cells(run_.recorder);
    for (const auto& mode : options_.modes)
      for (const int64_t batch : options_.batch_sizes)
        for (const int64_t length : options_.lengths) one_cell(mode, {.batch = batch, .length = length});
    record_totals();
  }

 private:
  std::unique_ptr<Workload> load(const Json& method) {
    const bool trains = std::find(options_.modes.begin(), options_.modes.end(), "train_step") != options_.modes.end();
    return make_workload(options_.family, {.config = config_,
                                           .method = method,
                                           .labels = options_.labels,
                                           .precision = precision_named(options_.precision),
                                           .trains = trains,
                                           .new_tokens = options_.new_tokens,
                                           .graph = options_.graph,
                                           .device = device_,
                                           .run = run_});
  }

  void one_cell(const std::string& mode_name, const Size& size) {
    const Mode mode = mode_named(mode_name);
    Cell cell{.mode = mode_name, .size = size};
    std::vector<profile::Subject> timed;
    for (auto& subject : subjects_) {
      subject.workload->prepare(mode, size);
      timed.push_back({.name = cat(cell.name(), "/", subject.name), .work = work_of(*subject.workload, mode)});
    }
    const auto stop = [this] {
      if (run_.stop_requested()) throw run::Interrupted(run::requested_signal());
    };
    profile::Measured measured = profile::measure(timed, rule_, *timer_, *monitor_, stop);
    cell.speedup = measured.ratio;
    for (size_t i = 0; i < subjects_.size(); ++i)
      cell.subjects.push_back({.name = subjects_[i].name,
                               .memory = memory_of(*subjects_[i].workload, mode),
                               .tokens = subjects_[i].workload->tokens(),
                               .latency = std::move(measured.subjects[i]),
                               .joules = profile::energy_per_call(timed[i], kEnergySeconds, *timer_, *monitor_, stop),
                               .trace = trace_of(timed[i], cell, subjects_[i].name)});
    record_cell(cell, rule_, run_.recorder);
    for (const auto& subject : cell.subjects) tell(subject);
  }

  // After the timing, which it would slow down.
  std::optional<TraceCounts> trace_of(const profile::Subject& subject, const Cell& cell, const std::string& name) {
    if (options_.trace == 0) return std::nullopt;
    const std::string file = cat(cell.mode, "-b", cell.size.batch, "-s", cell.size.length, "-", name, ".json");
    return trace_calls(subject.work, options_.trace, device_, run_.job.run_dir / "trace" / file);
  }

  // After the timing, so that the first timed call is a cold one.
  CellMemory memory_of(Workload& workload, Mode mode) {
    note_reserved();  // the meter forgets peaks before it
    const memory::PeakMeter meter(device_);
    if (mode == Mode::kTrainStep)
      workload.forward_backward();
    else
      workload.forward();
    CellMemory memory{.activation_bytes = meter.activations(), .static_bytes = workload.static_bytes(mode)};
    memory.peak_bytes = memory.static_bytes + workload.input_bytes() + memory.activation_bytes;
    allocator_peak_ = std::max(allocator_peak_, meter.peak());
    note_reserved();
    if (mode == Mode::kTrainStep) workload.update();
    return memory;
  }

  void note_reserved() {
    if (device_.is_cuda()) reserved_peak_ = std::max(reserved_peak_, cuda::peak_reserved_bytes());
  }

  void tell(const CellSubject& subject) {
    const profile::Measurement& m = subject.latency;
    if (!m.valid) ++invalid_;
    log::info(m.name, ": ", m.steady.median * 1e-6, " ms, +-", 100 * m.steady.relative_spread().value_or(1), " %, ",
              m.steady.n, " samples, ", profile::name(m.stop), m.valid ? "" : ", INVALID: " + m.reason);
  }

  void record_totals() {
    const auto record = [&](const std::string& name, double value, const std::string& unit) {
      run_.recorder.metric({.name = name,
                            .value = value,
                            .unit = unit,
                            .direction = results::Direction::kLowerIsBetter,
                            .repeat = results::Repeat::kMayVary});
    };
    record("invalid_measurements", static_cast<double>(invalid_), "");
    record("allocator_peak_memory", static_cast<double>(allocator_peak_) / kMiB, "MiB");
    record("process_peak_memory", static_cast<double>(profile::process_peak_bytes()) / kMiB, "MiB");
    if (device_.is_cuda()) record("device_peak_memory", static_cast<double>(reserved_peak_) / kMiB, "MiB");
  }

  run::RunContext& run_;
  const Json& config_;
  ProfileOptions options_;
  profile::Rule rule_;
  at::Device device_;
  std::unique_ptr<profile::Timer> timer_;
  std::unique_ptr<profile::DeviceMonitor> monitor_;
  std::vector<Subject> subjects_;
  int64_t allocator_peak_ = 0, reserved_peak_ = 0;
  int64_t invalid_ = 0;
};

}  // namespace

void profile_experiment(run::RunContext& run) {
  const Json config = Json::parse(run.job.config.dump());
  Profiler profiler(run, config);
  run.restore_checkpoint();  // none: an interrupted profile starts again, drift between two halves would not cancel
  profiler.run_all();
}

}  // namespace frugal
