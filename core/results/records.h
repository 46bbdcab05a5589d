// The records of a journal and their encoding: one byte for the kind, then the fields in order; integers and floats
// little-endian, text and lists with a 32-bit length before them. Decoding trusts nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/results/types.h"

namespace frugal::results {

// Times are nanoseconds since 1970 (UTC).
struct OpenRecord {
  std::uint32_t format_version = 1;
  std::string run_id = {};
  std::int64_t created_ns = 0;
  std::string config_json = {};
  std::string config_yaml = {};
  std::vector<std::string> overrides = {};
  std::vector<std::pair<std::string, std::string>> choices = {};
};
struct ProvenanceRecord {
  std::string key, value;
};
struct InputRecord {
  Input input;
};
struct SchemaRecord {
  std::vector<Column> columns;
  std::vector<ArrayColumn> lists;
};
struct SampleRecord {
  std::vector<Value> cells;
  std::vector<std::vector<double>> lists;
};
struct SeriesRecord {
  std::string name, unit, description;
  Repeat repeat = Repeat::kMustMatch;
};
struct PointRecord {
  std::string series;
  std::int64_t step = 0, time_ns = 0;
  double value = 0;
};
struct MetricRecord {
  Metric metric;
};
struct TimingRecord {
  TimingRow row;
};
struct TimingRuleRecord {
  std::string phase, rule, stop_reason;
};
struct ArrayRecord {
  ArrayInfo info;
  std::string sha256;  // of the elements
  bool inlined = false;
  std::string data;  // the elements, if inlined; else they lie in run.arrays/<sha256>
};
struct LogRecord {
  std::int64_t time_ns = 0;
  std::string line;
};
struct EventRecord {
  std::int64_t time_ns = 0;
  std::string name, json;
};
struct StateRecord {
  std::int64_t time_ns = 0;
  RunState state = RunState::kCreated;
  std::string error_kind = {}, error_code = {}, message = {};
};
// Results recorded at this offset of the journal and after, up to this record, count no more.
struct RewindRecord {
  std::uint64_t offset = 0;
};

// The index in this list is the kind's byte on disk: append only.
using Record = std::variant<OpenRecord, ProvenanceRecord, InputRecord, SchemaRecord, SampleRecord, SeriesRecord,
                            PointRecord, MetricRecord, TimingRecord, TimingRuleRecord, ArrayRecord, LogRecord,
                            EventRecord, StateRecord, RewindRecord>;

// Whether a rewind supersedes the record.
bool is_result(const Record& record);

std::string encode(const Record& record);
// Throws Error(bad_data, "bad_record").
Record decode(std::span<const std::byte> bytes);

}  // namespace frugal::results
