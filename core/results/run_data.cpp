#include "core/results/run_data.h"

#include <algorithm>

#include "core/error.h"
#include "core/io/mapped_file.h"
#include "core/results/frames.h"

namespace frugal::results {

const Metric* RunData::find_metric(std::string_view name) const {
  const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const Metric& m) { return m.name == name; });
  return found == metrics.end() ? nullptr : &*found;
}

std::optional<std::size_t> RunData::column(std::string_view name) const {
  for (std::size_t i = 0; i < schema.columns.size(); ++i)
    if (schema.columns[i].name == name) return i;
  return std::nullopt;
}

std::string RunData::choice(std::string_view group) const {
  for (const auto& [key, option] : open.choices)
    if (key == group) return option;
  return {};
}

void check_row(const SchemaRecord& schema, std::span<const Value> cells, std::size_t lists) {
  if (cells.size() != schema.columns.size() || lists != schema.lists.size())
    throw Error(ErrorKind::kUsage, "bad_sample",
                cat("a sample needs ", schema.columns.size(), " cells and ", schema.lists.size(), " lists, found ",
                    cells.size(), " and ", lists));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Column& column = schema.columns[i];
    const auto type = static_cast<std::size_t>(column.type);
    const bool fits = column.type == ColumnType::kEnum ? cells[i].index() == 3 : cells[i].index() == type;
    if (!fits)
      throw Error(ErrorKind::kUsage, "bad_sample", cat("column '", column.name, "' got a cell of another type"));
    if (column.type == ColumnType::kEnum &&
        std::find(column.labels.begin(), column.labels.end(), std::get<std::string>(cells[i])) == column.labels.end())
      throw Error(ErrorKind::kUsage, "bad_sample",
                  cat("column '", column.name, "' has no label '", std::get<std::string>(cells[i]), "'"));
  }
}

namespace {

struct Apply {
  RunData& data;

  void operator()(OpenRecord&& r) const { data.open = std::move(r); }
  void operator()(ProvenanceRecord&& r) const { data.provenance[r.key] = std::move(r.value); }
  // A resumed run reads its inputs again: the same file with the same content is one input.
  void operator()(InputRecord&& r) const {
    const auto same = [&](const Input& known) {
      return known.role == r.input.role && known.path == r.input.path && known.sha256 == r.input.sha256;
    };
    if (std::none_of(data.inputs.begin(), data.inputs.end(), same)) data.inputs.push_back(std::move(r.input));
  }
  void operator()(SchemaRecord&& r) const {
    if (!data.samples.empty()) throw Error(ErrorKind::kBadData, "bad_record", "sample columns declared after rows");
    data.schema = std::move(r);
  }
  void operator()(SampleRecord&& r) const {
    try {
      check_row(data.schema, r.cells, r.lists.size());
    } catch (const Error& error) {
      throw Error(ErrorKind::kBadData, "bad_record", error.message());
    }
    data.samples.push_back(std::move(r));
  }
  void operator()(SeriesRecord&& r) const {
    Series& series = data.series[r.name];
    series.unit = std::move(r.unit);
    series.description = std::move(r.description);
    series.repeat = r.repeat;
  }
  void operator()(PointRecord&& r) const {
    Series& series = data.series[r.series];
    series.steps.push_back(r.step);
    series.times_ns.push_back(r.time_ns);
    series.values.push_back(r.value);
  }
  void operator()(MetricRecord&& r) const {
    const auto found = std::find_if(data.metrics.begin(), data.metrics.end(),
                                    [&](const Metric& m) { return m.name == r.metric.name; });
    if (found == data.metrics.end()) {
      data.metrics.push_back(std::move(r.metric));
    } else {
      *found = std::move(r.metric);
    }
  }
  void operator()(TimingRecord&& r) const { data.timings.push_back(std::move(r.row)); }
  void operator()(TimingRuleRecord&& r) const { data.timing_rules.push_back(std::move(r)); }
  void operator()(ArrayRecord&& r) const {
    std::string name = r.info.name;
    data.arrays.insert_or_assign(std::move(name), std::move(r));
  }
  void operator()(LogRecord&& r) const { data.log.push_back(std::move(r)); }
  void operator()(EventRecord&& r) const { data.events.push_back(std::move(r)); }
  void operator()(StateRecord&& r) const { data.states.push_back(std::move(r)); }
  void operator()(RewindRecord&&) const {}
};

struct Frame {
  std::uint64_t offset = 0;
  std::span<const std::byte> payload;
};

// Marks the results that later rewinds supersede. Rewinds are few, so each looks over the frames before it.
std::vector<bool> superseded(const std::vector<Frame>& frames) {
  std::vector<bool> dead(frames.size(), false);
  const auto rewind_kind = static_cast<std::byte>(Record(RewindRecord{}).index());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].payload.empty() || frames[i].payload[0] != rewind_kind) continue;
    const std::uint64_t to = std::get<RewindRecord>(decode(frames[i].payload)).offset;
    for (std::size_t k = i; k-- > 0 && frames[k].offset >= to;) dead[k] = true;
  }
  return dead;
}

}  // namespace

void apply(RunData& data, Record record) {
  std::visit([&data](auto&& r) { Apply{data}(std::move(r)); }, std::move(record));
}

Replayed replay(std::span<const std::byte> journal, const std::filesystem::path& name_in_errors) {
  std::vector<Frame> frames;
  const FrameScan scan = scan_frames(journal, [&](std::uint64_t offset, std::span<const std::byte> payload) {
    frames.push_back({.offset = offset, .payload = payload});
  });
  if (frames.empty())
    throw Error(ErrorKind::kBadData, scan.bad_bytes == 0 ? "journal_empty" : "not_a_journal",
                scan.bad_bytes == 0 ? "the run ended before its first record" : "no record of a run's journal found",
                name_in_errors.string());
  Replayed result{.data = {}, .valid_bytes = scan.valid_bytes, .lost_bytes = scan.bad_bytes, .damaged = scan.damaged};
  const std::vector<bool> dead = superseded(frames);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Record record = decode(frames[i].payload);
    const auto* open = std::get_if<OpenRecord>(&record);
    if ((i == 0) != (open != nullptr) || (open != nullptr && open->format_version != 1))
      throw Error(ErrorKind::kBadData, "not_a_journal",
                  "expected a run's header of version 1 at its beginning, and only there",
                  cat(name_in_errors.string(), ": byte ", frames[i].offset));
    if (!dead[i] || !is_result(record)) apply(result.data, std::move(record));
  }
  return result;
}

Replayed replay_file(const std::filesystem::path& path) {
  const io::MappedFile mapping = io::MappedFile::open(path);
  return replay(mapping.bytes(), path);
}

}  // namespace frugal::results
