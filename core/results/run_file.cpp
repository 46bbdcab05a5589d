#include "core/results/run_file.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <memory>

#include "core/error.h"
#include "core/io/fault.h"
#include "core/io/file.h"
#include "core/io/unfinished_file.h"
#include "core/log.h"
#include "core/results/array_file.h"
#include "core/results/hdf5.h"
#include "core/results/journal.h"
#include "core/results/table.h"
#include "core/text.h"

namespace frugal::results {
namespace {

namespace fs = std::filesystem;
using h5::TableColumn;
using h5::write_table;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string utc_text(std::int64_t ns) {
  const std::time_t seconds = ns / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(ns / 1'000'000 % 1000));
  return text;
}

// A column of text, number or truth, from the rows of a vector.
template <typename T, typename F>
TableColumn column_of(std::string name, ColumnType type, const std::vector<T>& rows, F field) {
  return {.name = std::move(name), .type = type, .cell = [&rows, field](std::size_t row) {
            return Value(field(rows[row]));
          }};
}

std::string provenance_of(const RunData& data, const std::string& key) {
  const auto found = data.provenance.find(key);
  return found == data.provenance.end() ? std::string() : found->second;
}

void write_root(hid_t file, const RunData& data, bool recovered) {
  h5::set_attribute(file, "format", "frugal-run");
  h5::set_attribute(file, "format_version", 1);
  h5::set_attribute(file, "run_id", data.open.run_id);
  h5::set_attribute(file, "created", utc_text(data.open.created_ns));
  h5::set_attribute(file, "finished", data.states.empty() ? std::string() : utc_text(data.states.back().time_ns));
  h5::set_attribute(file, "status", name(data.state()));
  h5::set_attribute(file, "recovered", recovered ? 1 : 0);
  const StateRecord last = data.states.empty() ? StateRecord{} : data.states.back();
  h5::set_attribute(file, "error_kind", last.error_kind);
  h5::set_attribute(file, "error_code", last.error_code);
  h5::set_attribute(file, "message", std::string_view(last.message).substr(0, 8192));
  h5::set_attribute(file, "creator", cat("frugal ", provenance_of(data, "code.version")));
  h5::set_attribute(file, "git_commit", provenance_of(data, "code.commit"));
  h5::set_attribute(file, "HDF5_version", H5_VERS_INFO);
  h5::set_attribute(file, "default", "/metrics");
  h5::set_attribute(file, "content_hash", content_hash(data));
}

void write_config(hid_t file, const RunData& data) {
  h5::write_text(file, "config", data.open.config_yaml, "resolved config, YAML");
  h5::write_text(file, "config_json", data.open.config_json, "resolved config, JSON: the same content");
  write_table(file, "overrides",
              {column_of("override", ColumnType::kString, data.open.overrides, [](const std::string& o) { return o; })},
              data.open.overrides.size(), "overrides, in the order given");
  using Choice = std::pair<std::string, std::string>;
  write_table(file, "choices",
              {column_of("group", ColumnType::kString, data.open.choices, [](const Choice& c) { return c.first; }),
               column_of("option", ColumnType::kString, data.open.choices, [](const Choice& c) { return c.second; })},
              data.open.choices.size(), "the option chosen for each config group");
}

void write_provenance(hid_t file, const RunData& data) {
  const std::vector<std::pair<std::string, std::string>> facts(data.provenance.begin(), data.provenance.end());
  using Fact = std::pair<std::string, std::string>;
  write_table(file, "provenance",
              {column_of("key", ColumnType::kString, facts, [](const Fact& f) { return f.first; }),
               column_of("value", ColumnType::kString, facts, [](const Fact& f) { return f.second; })},
              facts.size(), "where, how and by what code the run was made");
  write_table(file, "inputs",
              {column_of("role", ColumnType::kString, data.inputs, [](const Input& i) { return i.role; }),
               column_of("path", ColumnType::kString, data.inputs, [](const Input& i) { return i.path; }),
               column_of("bytes", ColumnType::kInt64, data.inputs, [](const Input& i) { return i.bytes; }),
               column_of("sha256", ColumnType::kString, data.inputs, [](const Input& i) { return i.sha256; }),
               column_of("licence", ColumnType::kString, data.inputs, [](const Input& i) { return i.licence; })},
              data.inputs.size(), "files that the run read");
}

std::vector<TableColumn> sample_columns(const RunData& data) {
  std::vector<TableColumn> columns;
  for (std::size_t c = 0; c < data.schema.columns.size(); ++c) {
    const Column& column = data.schema.columns[c];
    columns.push_back({.name = column.name,
                       .type = column.type,
                       .cell = [&data, c](std::size_t row) { return data.samples[row].cells[c]; },
                       .labels = column.labels});
  }
  return columns;
}

// What the columns mean: units and descriptions of hundreds of columns do not fit into attributes.
void write_sample_schema(hid_t file, const SchemaRecord& schema) {
  struct Row {
    std::string name, kind, unit, description;
    bool may_vary;
  };
  std::vector<Row> rows;
  for (const auto& c : schema.columns)
    rows.push_back({c.name, "column", c.unit, c.description, c.repeat == Repeat::kMayVary});
  for (const auto& l : schema.lists)
    rows.push_back({l.name, "list", l.unit, l.description, l.repeat == Repeat::kMayVary});
  write_table(file, "samples_columns",
              {column_of("name", ColumnType::kString, rows, [](const Row& r) { return r.name; }),
               column_of("kind", ColumnType::kString, rows, [](const Row& r) { return r.kind; }),
               column_of("units", ColumnType::kString, rows, [](const Row& r) { return r.unit; }),
               column_of("description", ColumnType::kString, rows, [](const Row& r) { return r.description; }),
               column_of("may_vary", ColumnType::kBool, rows, [](const Row& r) { return r.may_vary; })},
              rows.size(), "the columns of /samples, and the lists in /samples_<name>");
}

// One row a sample, padded with NaN. Written a few rows at a time: one long list must not cost rows times its length.
void write_list(hid_t file, const RunData& data, std::size_t list) {
  const ArrayColumn& column = data.schema.lists[list];
  hsize_t width = 1;
  for (const auto& sample : data.samples) width = std::max<hsize_t>(width, sample.lists[list].size());
  const std::vector<hsize_t> shape = {data.samples.size(), width};
  const hsize_t batch = std::clamp<hsize_t>((1U << 20U) / (width * sizeof(double)), 1, std::max<hsize_t>(shape[0], 1));
  const std::vector<hsize_t> most = {H5S_UNLIMITED, width};
  const h5::Handle space(H5Screate_simple(2, shape.data(), most.data()), H5Sclose, "make a space");
  const std::string name = "samples_" + column.name;
  const h5::Handle dataset(H5Dcreate2(file, name.c_str(), H5T_IEEE_F64LE, space, H5P_DEFAULT,
                                      h5::chunked_properties({batch, width}), H5P_DEFAULT),
                           H5Dclose, "create " + name);
  h5::set_attribute(dataset, "units", column.unit);
  h5::set_attribute(dataset, "description", column.description);
  h5::set_attribute(dataset, "encoding-type", "array");
  h5::set_attribute(dataset, "encoding-version", "0.2.0");
  for (hsize_t first = 0; first < shape[0]; first += batch) {
    const std::vector<hsize_t> start = {first, 0};
    const std::vector<hsize_t> count = {std::min(batch, shape[0] - first), width};
    std::vector<double> buffer(count[0] * width, kNaN);
    for (hsize_t r = 0; r < count[0]; ++r)
      std::copy(data.samples[first + r].lists[list].begin(), data.samples[first + r].lists[list].end(),
                buffer.begin() + static_cast<std::ptrdiff_t>(r * width));
    const h5::Handle memory(H5Screate_simple(2, count.data(), nullptr), H5Sclose, "make a space");
    const h5::Handle selected(H5Dget_space(dataset), H5Sclose, "find a space");
    h5::check(H5Sselect_hyperslab(selected, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
              "select rows");
    h5::check(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, memory, selected, H5P_DEFAULT, buffer.data()), "write " + name);
  }
}

void write_samples(hid_t file, const RunData& data) {
  if (!data.schema.columns.empty())
    write_table(file, "samples", sample_columns(data), data.samples.size(),
                "one row a sample; /samples_columns says what the columns mean");
  if (!data.schema.columns.empty() || !data.schema.lists.empty()) write_sample_schema(file, data.schema);
  for (std::size_t list = 0; list < data.schema.lists.size(); ++list) write_list(file, data, list);
}

void write_series(hid_t file, const RunData& data) {
  const h5::Handle group = h5::create_group(file, "series");
  for (const auto& [name, series] : data.series) {
    const h5::Handle table =
        write_table(group, name,
                    {column_of("step", ColumnType::kInt64, series.steps, [](std::int64_t v) { return v; }),
                     column_of("time_ns", ColumnType::kInt64, series.times_ns, [](std::int64_t v) { return v; }),
                     column_of("value", ColumnType::kDouble, series.values, [](double v) { return v; })},
                    series.steps.size(), series.description);
    h5::set_attribute(table, "units", series.unit);
    h5::set_attribute(table, "may_vary", series.repeat == Repeat::kMayVary ? 1 : 0);
  }
}

void write_metrics(hid_t file, const RunData& data) {
  const auto& rows = data.metrics;
  write_table(
      file, "metrics",
      {column_of("name", ColumnType::kString, rows, [](const Metric& m) { return m.name; }),
       column_of("value", ColumnType::kDouble, rows, [](const Metric& m) { return m.value; }),
       column_of("unit", ColumnType::kString, rows, [](const Metric& m) { return m.unit; }),
       column_of("ci_low", ColumnType::kDouble, rows, [](const Metric& m) { return m.ci_low.value_or(kNaN); }),
       column_of("ci_high", ColumnType::kDouble, rows, [](const Metric& m) { return m.ci_high.value_or(kNaN); }),
       column_of("stderr", ColumnType::kDouble, rows, [](const Metric& m) { return m.standard_error.value_or(kNaN); }),
       column_of("n", ColumnType::kInt64, rows, [](const Metric& m) { return m.count.value_or(-1); }),
       column_of("direction", ColumnType::kString, rows,
                 [](const Metric& m) { return std::string(name(m.direction)); }),
       column_of("sample_column", ColumnType::kString, rows, [](const Metric& m) { return m.sample_column; }),
       column_of("may_vary", ColumnType::kBool, rows, [](const Metric& m) { return m.repeat == Repeat::kMayVary; })},
      rows.size(), "n is -1 where the metric is no mean of samples; ci_low and ci_high bound a 95 % interval");
}

void write_timing(hid_t file, const RunData& data) {
  const auto& rows = data.timings;
  const h5::Handle table =
      write_table(file, "timing",
                  {column_of("phase", ColumnType::kString, rows, [](const TimingRow& t) { return t.phase; }),
                   column_of("index", ColumnType::kInt64, rows, [](const TimingRow& t) { return t.index; }),
                   column_of("ns", ColumnType::kInt64, rows, [](const TimingRow& t) { return t.ns; }),
                   column_of("cold", ColumnType::kBool, rows, [](const TimingRow& t) { return t.cold; }),
                   column_of("throttled", ColumnType::kBool, rows, [](const TimingRow& t) { return t.throttled; }),
                   column_of("valid", ColumnType::kBool, rows, [](const TimingRow& t) { return t.valid; })},
                  rows.size(), "every timed sample");
  const auto by_phase = [&](std::string TimingRuleRecord::* member) {
    return joined(data.timing_rules, "; ",
                  [&](const TimingRuleRecord& rule) { return rule.phase + ": " + rule.*member; });
  };
  h5::set_attribute(table, "rule", by_phase(&TimingRuleRecord::rule));
  h5::set_attribute(table, "stop_reason", by_phase(&TimingRuleRecord::stop_reason));
  h5::set_attribute(table, "units", "ns");
}

void write_log(hid_t file, const RunData& data) {
  std::string text;
  for (const auto& entry : data.log) text += cat(utc_text(entry.time_ns), " ", entry.line, "\n");
  h5::write_text(file, "log", text, "log lines with their time (UTC)");
  write_table(file, "events",
              {column_of("time_ns", ColumnType::kInt64, data.events, [](const EventRecord& e) { return e.time_ns; }),
               column_of("name", ColumnType::kString, data.events, [](const EventRecord& e) { return e.name; }),
               column_of("details", ColumnType::kString, data.events, [](const EventRecord& e) { return e.json; })},
              data.events.size(), "what happened besides; details are JSON, times nanoseconds since 1970");
}

}  // namespace

std::vector<std::string> write_run_file(const RunData& data, const fs::path& path, const fs::path& run_dir,
                                        bool recovered) {
  const auto lock = h5::library_lock();
  const h5::Handle file = h5::create_file(path);
  write_root(file, data, recovered);
  write_config(file, data);
  write_provenance(file, data);
  write_samples(file, data);
  write_series(file, data);
  write_metrics(file, data);
  write_timing(file, data);
  auto lost = write_arrays(file, data, run_dir);
  write_log(file, data);
  // Closing writes too, and cannot report: what fails must fail here.
  h5::check(H5Fflush(file, H5F_SCOPE_GLOBAL), "flush " + path.string());
  return lost;
}

namespace {

bool is_final(RunState state) {
  return state == RunState::kDone || state == RunState::kFailed || state == RunState::kInterrupted;
}

// The journal's content, with its final state. Keeps the writer (and its lock) open in `writer` unless it is damaged.
Replayed load_to_finish(const fs::path& journal, const std::optional<StateRecord>& ending,
                        std::unique_ptr<JournalWriter>& writer, io::Fd& lock) {
  const std::uint64_t size = io::file_size(io::open_file(journal, O_RDONLY), journal);
  try {
    writer = JournalWriter::reopen(journal);
  } catch (const Error& error) {
    if (error.code() != "journal_damaged") throw;
    lock = lock_journal(journal);
    log::warning(error.what());
  }
  Replayed replayed = replay_file(journal);
  if (writer) replayed.lost_bytes = size - std::min(size, replayed.valid_bytes);
  if (is_final(replayed.data.state()) && !replayed.damaged) return replayed;
  StateRecord state = ending.value_or(StateRecord{.time_ns = now_ns(), .state = RunState::kInterrupted});
  if (replayed.damaged) {
    state = {.time_ns = now_ns(),
             .state = RunState::kRecovered,
             .error_kind = std::string(name(ErrorKind::kBadData)),
             .error_code = "journal_damaged",
             .message = cat("the journal is damaged at byte ", replayed.valid_bytes, "; this is what lies before")};
  } else if (ending) {
    writer->append(state, JournalWriter::Push::kWrite);
    writer->sync();
  }
  replayed.data.states.push_back(std::move(state));
  return replayed;
}

// The side files of a finished run are gone: its result file has the arrays, and must not be made again without them.
bool needs_lost_arrays(const RunData& data, const fs::path& run_dir) {
  return std::any_of(data.arrays.begin(), data.arrays.end(), [&](const auto& array) {
    return !array.second.inlined && !fs::exists(run_dir / kArrayFolder / array.second.sha256);
  });
}

bool holds_this_run(const fs::path& file, const std::string& hash) {
  if (!fs::exists(file)) return false;
  try {
    return content_hash(read_run_file(file)) == hash;
  } catch (const Error& error) {
    log::warning("the result file that is there cannot be kept: ", error.what());
    return false;
  }
}

}  // namespace

Finished finish_run(const fs::path& run_dir, const std::optional<StateRecord>& ending, bool recovered) {
  std::unique_ptr<JournalWriter> writer;
  io::Fd lock;
  const Replayed replayed = load_to_finish(run_dir / kJournalName, ending, writer, lock);
  const RunData& data = replayed.data;
  recovered = recovered && !data.states.empty() && data.state() != RunState::kDone && data.state() != RunState::kFailed;
  const fs::path file = run_dir / kRunFileName;
  const io::UnfinishedFile temporary(run_dir / "run.h5.tmp");  // the lock says that no other process writes it
  Finished finished{.file = file,
                    .status = data.state(),
                    .content_hash = content_hash(data),
                    .lost_bytes = replayed.lost_bytes,
                    .lost_arrays = {},
                    .metrics = data.metrics};
  if (needs_lost_arrays(data, run_dir) && holds_this_run(file, finished.content_hash)) return finished;
  fault::point("run_file.write");
  finished.lost_arrays = write_run_file(data, temporary.path(), run_dir, recovered);
  io::publish(temporary.path(), file, "run_file.rename");
  if (finished.status == RunState::kDone && finished.lost_arrays.empty()) fs::remove_all(run_dir / kArrayFolder);
  return finished;
}

}  // namespace frugal::results
