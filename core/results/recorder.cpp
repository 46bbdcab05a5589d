#include "core/results/recorder.h"

#include <charconv>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/io/fault.h"
#include "core/io/file.h"
#include "core/log.h"
#include "core/results/journal.h"
#include "core/results/names.h"
#include "core/results/run_data.h"

namespace frugal::results {
namespace {

namespace fs = std::filesystem;
using Push = JournalWriter::Push;

constexpr std::size_t kInlineBytes = 64U << 10U;  // smaller arrays stand in the journal itself

std::string fresh_uuid() {
  std::random_device random;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx";
  for (char& c : text)
    if (c == 'x') c = kDigits[random() % 16];
  return text;
}

}  // namespace

std::string Position::text() const {
  return cat(run_id, ":", offset);
}

Position Position::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  Position position;
  const std::string_view number = colon == text.npos ? std::string_view{} : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), position.offset);
  if (number.empty() || error != std::errc{} || end != number.data() + number.size())
    throw Error(ErrorKind::kBadData, "bad_position", cat("'", text, "' is no position in a journal"));
  position.run_id = text.substr(0, colon);
  return position;
}

struct Recorder::Impl {
  fs::path run_dir;
  std::string run_id;
  bool resumed = false;

  std::unique_ptr<JournalWriter> journal;  // null: nothing is kept
  std::mutex mutex;                        // guards what follows
  bool must_rewind = false;                // resumed, and nothing was said yet about where to go on
  SchemaRecord schema;
  bool declared = false;
  std::set<std::string, std::less<>> series_names;

  void append(const Record& record, Push push = Push::kBuffer) const {
    if (journal) journal->append(record, push);
  }
  // Call with the mutex held, before a result is recorded.
  void start_results() {
    if (!std::exchange(must_rewind, false)) return;
    log::info("no checkpoint to go on from: this run starts again from its beginning");
    append(RewindRecord{.offset = 0});
    forget();
  }
  void forget() {
    schema = {};
    declared = false;
    series_names.clear();
  }
  // Takes over what the journal holds and what counts of it.
  void load(const RunData& data) {
    schema = data.schema;
    declared = !data.schema.columns.empty() || !data.schema.lists.empty();
    series_names.clear();
    for (const auto& [name, series] : data.series) series_names.insert(name);
  }
  void result(const Record& record, Push push = Push::kBuffer) {
    const std::lock_guard lock(mutex);
    start_results();
    append(record, push);
  }
  void new_series(std::string_view name);
  void write_array_file(const std::string& sha256, std::span<const std::byte> data) const;
};

// /series/<name> is a data set or a folder, never both.
void Recorder::Impl::new_series(std::string_view name) {
  if (series_names.contains(name)) return;
  check_name("series", name, true);
  const std::string as_folder = std::string(name) + "/";
  const auto next = series_names.lower_bound(as_folder);
  bool taken = next != series_names.end() && next->starts_with(as_folder);
  for (auto slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1))
    taken = taken || series_names.contains(name.substr(0, slash));
  if (taken)
    throw Error(ErrorKind::kUsage, "bad_name",
                cat("series '", name, "' cannot be a curve and a folder of curves at once"));
  series_names.emplace(name);
}

void Recorder::Impl::write_array_file(const std::string& sha256, std::span<const std::byte> data) const {
  const fs::path folder = run_dir / kArrayFolder;
  fs::create_directories(folder);
  const fs::path path = folder / sha256;
  std::error_code none;
  if (fs::exists(path, none) && fs::file_size(path, none) == data.size()) return;  // the name is the content
  if (const int error = fault::passage("array.write"); error != 0) io::throw_errno(error, "write", path);
  io::write_atomic(path, {reinterpret_cast<const char*>(data.data()), data.size()});
}

Recorder::Recorder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

const std::string& Recorder::run_id() const {
  return impl_->run_id;
}

bool Recorder::resumed() const {
  return impl_->resumed;
}

namespace {

OpenRecord open_record(const RunHeader& header) {
  return {.run_id = header.run_id.empty() ? fresh_uuid() : header.run_id,
          .created_ns = now_ns(),
          .config_json = header.config_json,
          .config_yaml = header.config_yaml.empty() ? header.config_json : header.config_yaml,
          .overrides = header.overrides,
          .choices = header.choices};
}

}  // namespace

Recorder Recorder::none() {
  return Recorder(std::make_unique<Impl>());
}

Recorder Recorder::create(const fs::path& run_dir, const RunHeader& header) {
  auto impl = std::make_unique<Impl>();
  const OpenRecord open = open_record(header);
  impl->run_dir = run_dir;
  impl->run_id = open.run_id;
  impl->journal = JournalWriter::create(run_dir / kJournalName);
  impl->journal->append(open, Push::kWrite);
  return Recorder(std::move(impl));
}

Recorder Recorder::resume(const fs::path& run_dir, const RunHeader& header) {
  const fs::path path = run_dir / kJournalName;
  std::error_code none;
  if (!fs::exists(path, none)) return create(run_dir, header);
  auto impl = std::make_unique<Impl>();
  impl->run_dir = run_dir;
  impl->journal = JournalWriter::reopen(path);
  if (impl->journal->offset() == 0) {  // killed before its first record
    const OpenRecord open = open_record(header);
    impl->run_id = open.run_id;
    impl->journal->append(open, Push::kWrite);
    return Recorder(std::move(impl));
  }
  const RunData data = replay_file(path).data;
  const auto parse = [](const std::string& text) {
    nlohmann::json config = nlohmann::json::parse(text, nullptr, false);
    if (config.is_object()) config.erase("parallel");  // how many processes go on with it is no part of what a run is
    return config;
  };
  if (data.open.config_json != header.config_json && parse(data.open.config_json) != parse(header.config_json))
    throw Error(ErrorKind::kUsage, "config_changed", "the run in this folder was started with another config",
                run_dir.string(), "choose another folder (hydra.run.dir)");
  impl->run_id = data.open.run_id;
  impl->resumed = true;
  impl->must_rewind = true;
  impl->load(data);
  return Recorder(std::move(impl));
}

void Recorder::metric(const Metric& metric) {
  check_name("metric", metric.name, true);
  impl_->result(MetricRecord{metric}, Push::kWrite);
}

void Recorder::series(std::string_view name, std::int64_t step, double value) {
  const std::lock_guard lock(impl_->mutex);
  impl_->start_results();
  impl_->new_series(name);
  impl_->append(PointRecord{.series = std::string(name), .step = step, .time_ns = now_ns(), .value = value});
}

void Recorder::declare_series(std::string_view name, std::string_view unit, std::string_view description,
                              Repeat repeat) {
  const std::lock_guard lock(impl_->mutex);
  impl_->start_results();
  impl_->new_series(name);
  impl_->append(SeriesRecord{
      .name = std::string(name), .unit = std::string(unit), .description = std::string(description), .repeat = repeat});
}

void Recorder::declare_samples(const std::vector<Column>& columns, const std::vector<ArrayColumn>& array_columns) {
  SchemaRecord schema{.columns = columns, .lists = array_columns};
  check_schema(schema);
  const std::lock_guard lock(impl_->mutex);
  impl_->start_results();
  if (impl_->declared) {
    if (encode(schema) == encode(impl_->schema)) return;
    throw Error(ErrorKind::kUsage, "bad_columns", "the columns of the samples were declared already, and otherwise");
  }
  impl_->append(schema);
  impl_->schema = std::move(schema);
  impl_->declared = true;
}

void Recorder::sample(std::span<const Value> cells, std::span<const std::vector<double>> lists) {
  const std::lock_guard lock(impl_->mutex);
  impl_->start_results();
  if (!impl_->declared)
    throw Error(ErrorKind::kUsage, "bad_sample", "declare_samples() must come before the first sample");
  check_row(impl_->schema, cells, lists.size());
  impl_->append(SampleRecord{.cells = {cells.begin(), cells.end()}, .lists = {lists.begin(), lists.end()}});
}

void Recorder::sample(std::initializer_list<Value> cells, std::initializer_list<std::vector<double>> lists) {
  sample(std::span(cells.begin(), cells.size()), std::span(lists.begin(), lists.size()));
}

void Recorder::timing(const TimingRow& row) {
  impl_->result(TimingRecord{row});
}

void Recorder::timing_rule(std::string_view phase, std::string_view rule, std::string_view stop_reason) {
  impl_->result(TimingRuleRecord{
      .phase = std::string(phase), .rule = std::string(rule), .stop_reason = std::string(stop_reason)});
}

void Recorder::array(const ArrayInfo& info, const void* data) {
  check_array(info);
  if (!impl_->journal) return;
  const std::span bytes(static_cast<const std::byte*>(data), byte_count(info));
  ArrayRecord record{.info = info, .sha256 = io::sha256(bytes), .inlined = bytes.size() <= kInlineBytes, .data = {}};
  if (record.inlined) {
    record.data.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else {
    impl_->write_array_file(record.sha256, bytes);
  }
  impl_->result(record, Push::kWrite);
}

void Recorder::input(std::string_view role, const fs::path& path, std::string_view licence) {
  if (!impl_->journal) return;
  Input input{.role = std::string(role),
              .path = path.string(),
              .bytes = 0,
              .sha256 = io::sha256_file(path),
              .licence = std::string(licence)};
  input.bytes = static_cast<std::int64_t>(fs::file_size(path));
  impl_->result(InputRecord{std::move(input)});
}

void Recorder::provenance(std::string_view key, std::string_view value) {
  impl_->append(ProvenanceRecord{.key = std::string(key), .value = std::string(value)});
}

void Recorder::event(std::string_view name, const nlohmann::json& details) {
  impl_->append(EventRecord{.time_ns = now_ns(),
                            .name = std::string(name),
                            .json = details.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)},
                Push::kWrite);
}

void Recorder::log(std::string_view line) {
  impl_->append(LogRecord{.time_ns = now_ns(), .line = std::string(line)});
}

void Recorder::state(RunState state, std::string_view error_kind, std::string_view error_code,
                     std::string_view message) {
  impl_->append(StateRecord{.time_ns = now_ns(),
                            .state = state,
                            .error_kind = std::string(error_kind),
                            .error_code = std::string(error_code),
                            .message = std::string(message)},
                Push::kWrite);
  if (state != RunState::kCreated && state != RunState::kRunning) sync();
}

Position Recorder::position() {
  const std::lock_guard lock(impl_->mutex);
  impl_->start_results();
  impl_->journal->sync();
  return {.run_id = impl_->run_id, .offset = impl_->journal->offset()};
}

void Recorder::rewind(const Position& position) {
  const std::lock_guard lock(impl_->mutex);
  if (position.run_id != impl_->run_id || position.offset > impl_->journal->offset())
    throw Error(ErrorKind::kBadData, "bad_position",
                cat("the journal has no place '", position.text(),
                    "': the checkpoint is of another run, or the journal "
                    "lost its end"));
  impl_->must_rewind = false;
  impl_->append(RewindRecord{.offset = position.offset});
  impl_->journal->sync();
  impl_->load(replay_file(impl_->run_dir / kJournalName).data);
}

void Recorder::sync() {
  if (impl_->journal) impl_->journal->sync();
}

}  // namespace frugal::results
