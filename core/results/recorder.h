// What an experiment calls to record its results. Everything goes to the run's journal at once and survives a kill of
// the process; the result file (run.h5) is made from the journal afterwards.
//
//   recorder.declare_samples({{.name = "id", .type = ColumnType::kString}, {.name = "correct", .type =
//   ColumnType::kBool}}); recorder.sample({"mmlu/7", true}); recorder.series("loss", step, loss);
//   recorder.metric({.name = "accuracy", .value = 0.93, .direction = Direction::kHigherIsBetter, .count = 1000});
//
// Thread-safe. A record is on disk at most one second after the call (metrics, events and states: in the kernel's
// hands at once). An error of the disk is thrown by the next call: Error(environment, "disk_full" | "io_error").
// Wrong use (a row that does not fit the declared columns, a bad name) throws Error(usage).
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/results/types.h"

namespace frugal::results {

// A place in a run's journal. A checkpoint stores it; a run that resumes from that checkpoint goes back to it.
struct Position {
  std::string run_id = {};
  std::uint64_t offset = 0;  // bytes

  std::string text() const;  // one line, for a checkpoint's metadata
  // Throws Error(bad_data, "bad_position").
  static Position parse(std::string_view text);
};

// What is known of a run before it starts.
struct RunHeader {
  std::string run_id = {};                  // UUID; empty: a fresh one
  std::string config_json = {};             // resolved config, as JSON
  std::string config_yaml = {};             // the same as YAML; empty: the JSON text, which YAML reads too
  std::vector<std::string> overrides = {};  // in the user's order
  std::vector<std::pair<std::string, std::string>> choices = {};  // config group -> option
};

class Recorder {
 public:
  // Starts run_dir/run.journal, which must not exist yet (Error(usage, "run_exists")), in an existing folder.
  // Holds an exclusive lock until destroyed: a second writer gets Error(usage, "run_locked").
  static Recorder create(const std::filesystem::path& run_dir, const RunHeader& header);
  // Goes on with the journal of an interrupted run (or starts it, where the run was killed before its first record); a
  // torn tail is cut. The first result recorded without rewind() supersedes all former ones: without a checkpoint the
  // experiment starts again from its beginning. Throws Error(usage, "config_changed") for another config (but for
  // its `parallel` node), and what
  // create() throws.
  static Recorder resume(const std::filesystem::path& run_dir, const RunHeader& header);

  // Checks what it is given and keeps nothing: of a rank beside the one that records. Has no position() and no
  // rewind().
  static Recorder none();

  Recorder(Recorder&&) noexcept;
  Recorder& operator=(Recorder&&) noexcept;
  ~Recorder();

  const std::string& run_id() const;
  bool resumed() const;

  // Recorded again under the same name, a metric replaces its former value.
  void metric(const Metric& metric);
  // One point of a curve. Names may hold '/' ("train/loss"); steps need not be consecutive.
  void series(std::string_view name, std::int64_t step, double value);
  // Optional, before or after the points.
  void declare_series(std::string_view name, std::string_view unit, std::string_view description,
                      Repeat repeat = Repeat::kMustMatch);

  // Once a run, before the first row (declaring the same again is allowed, so that a resumed run may do so).
  void declare_samples(const std::vector<Column>& columns, const std::vector<ArrayColumn>& array_columns = {});
  // cells: one a column, in their order; lists: one an array column.
  void sample(std::span<const Value> cells, std::span<const std::vector<double>> lists = {});
  void sample(std::initializer_list<Value> cells, std::initializer_list<std::vector<double>> lists = {});

  void timing(const TimingRow& row);
  // How the measuring of a phase ended: the rule ("median +-0.5 %, at least 10 samples and 0.5 s") and why it stopped.
  void timing_rule(std::string_view phase, std::string_view rule, std::string_view stop_reason);

  // data: the elements in row-major order. Large arrays go to a file of their own at once (run.arrays/<sha256>), synced
  // before this returns. Recorded again under the same name, an array replaces the former one.
  void array(const ArrayInfo& info, const void* data);

  // Reads the file to take its sha256 (cached by size and mtime). Throws Error(usage, "missing_file").
  void input(std::string_view role, const std::filesystem::path& path, std::string_view licence = {});
  void provenance(std::string_view key, std::string_view value);
  void event(std::string_view name, const nlohmann::json& details);
  void log(std::string_view line);
  // error_kind, error_code, message: of a failure, else empty.
  void state(RunState state, std::string_view error_kind = {}, std::string_view error_code = {},
             std::string_view message = {});

  // Syncs the journal and says where it stands. A checkpoint taken after this call may store the position.
  Position position();
  // Supersedes every result recorded after `position` (samples, points, metrics, timings, arrays, inputs; not log,
  // events, provenance). Throws Error(bad_data, "bad_position") where this journal has no such place: then the
  // checkpoint belongs to another run, or the journal lost its tail.
  void rewind(const Position& position);

  void sync();  // returns when all of it is on disk

 private:
  struct Impl;
  explicit Recorder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace frugal::results
