// A run's records put together: what the result file is written from, and what readers of result files get.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/results/records.h"

namespace frugal::results {

struct Series {
  std::string unit, description;
  Repeat repeat = Repeat::kMustMatch;
  std::vector<std::int64_t> steps, times_ns;
  std::vector<double> values;
};

struct RunData {
  OpenRecord open;
  std::map<std::string, std::string> provenance;
  std::vector<Input> inputs;
  SchemaRecord schema;
  std::vector<SampleRecord> samples;  // each fits the schema
  std::map<std::string, Series> series;
  std::vector<Metric> metrics;  // in the order of their first recording
  std::vector<TimingRow> timings;
  std::vector<TimingRuleRecord> timing_rules;
  std::map<std::string, ArrayRecord> arrays;
  std::vector<LogRecord> log;
  std::vector<EventRecord> events;
  std::vector<StateRecord> states;

  RunState state() const { return states.empty() ? RunState::kCreated : states.back().state; }
  const Metric* find_metric(std::string_view name) const;
  // The index of a sample column, if there is one.
  std::optional<std::size_t> column(std::string_view name) const;
  // The option chosen for a config group, or "".
  std::string choice(std::string_view group) const;
};

struct Replayed {
  RunData data;
  std::uint64_t valid_bytes = 0;
  std::uint64_t lost_bytes = 0;  // a torn tail, or what follows a damaged record
  bool damaged = false;
};

// Throws Error(bad_data): "journal_empty", "bad_record", "not_a_journal" (the first record is of another kind or
// version).
Replayed replay(std::span<const std::byte> journal, const std::filesystem::path& name_in_errors);
Replayed replay_file(const std::filesystem::path& path);

// Adds one record that counts. Throws Error(bad_data, "bad_record") for a row that does not fit the schema.
void apply(RunData& data, Record record);
// Throws Error(usage, code) unless the row fits.
void check_row(const SchemaRecord& schema, std::span<const Value> cells, std::size_t lists);

// SHA-256 over all that must be the same when the run is repeated (harness contract: config without the `hydra` and
// `user` nodes, samples, metrics, series values, arrays; without times and what is declared Repeat::kMayVary).
std::string content_hash(const RunData& data);

}  // namespace frugal::results
