// What a repeated run must give again, as one SHA-256. Every field is hashed with its length or size before it, so that
// no two different runs give the same bytes; NaNs are made equal.
#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/results/run_data.h"
#include "core/results/utf8.h"

namespace frugal::results {
namespace {

class Hasher {
 public:
  void number(std::uint64_t value) { hash_.update(std::as_bytes(std::span(&value, 1))); }
  void real(double value) {
    number(std::bit_cast<std::uint64_t>(std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value));
  }
  void text(std::string_view value) {
    const std::string clean = clean_utf8(value);  // as the result file holds it
    number(clean.size());
    hash_.update(clean);
  }
  template <typename T>
  void optional(const std::optional<T>& value) {
    number(value ? 1 : 0);
    if (value) real(static_cast<double>(*value));
  }
  void cell(const Value& value) {
    number(value.index());
    if (const auto* i = std::get_if<std::int64_t>(&value)) number(static_cast<std::uint64_t>(*i));
    if (const auto* d = std::get_if<double>(&value)) real(*d);
    if (const auto* b = std::get_if<bool>(&value)) number(*b ? 1 : 0);
    if (const auto* s = std::get_if<std::string>(&value)) text(*s);
  }
  std::string hex() { return hash_.hex(); }

 private:
  io::Sha256 hash_;
};

bool counts(Repeat repeat) {
  return repeat == Repeat::kMustMatch;
}

void add_config(Hasher& hash, const std::string& config_json) {
  nlohmann::json config = nlohmann::json::parse(config_json, nullptr, false);  // sorts keys: their order is no content
  if (config.is_object()) {
    config.erase("hydra");
    config.erase("user");
  }
  // A text that is no JSON counts as it stands.
  hash.text(config.is_discarded() ? config_json
                                  : config.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void add_samples(Hasher& hash, const RunData& data) {
  hash.text("/samples");
  hash.number(data.samples.size());
  for (std::size_t c = 0; c < data.schema.columns.size(); ++c) {
    if (!counts(data.schema.columns[c].repeat)) continue;
    hash.text(data.schema.columns[c].name);
    for (const auto& row : data.samples) hash.cell(row.cells[c]);
  }
  for (std::size_t c = 0; c < data.schema.lists.size(); ++c) {
    if (!counts(data.schema.lists[c].repeat)) continue;
    hash.text(data.schema.lists[c].name);
    for (const auto& row : data.samples) {
      // NaNs at the end are the same as the padding of the result file.
      auto last = row.lists[c].end();
      while (last != row.lists[c].begin() && std::isnan(*(last - 1))) --last;
      hash.number(static_cast<std::uint64_t>(last - row.lists[c].begin()));
      for (auto value = row.lists[c].begin(); value != last; ++value) hash.real(*value);
    }
  }
}

void add_metrics(Hasher& hash, const RunData& data) {
  hash.text("/metrics");
  std::map<std::string, const Metric*> sorted;
  for (const auto& metric : data.metrics)
    if (counts(metric.repeat)) sorted[metric.name] = &metric;
  hash.number(sorted.size());
  for (const auto& [name, metric] : sorted) {
    hash.text(name);
    hash.real(metric->value);
    hash.text(metric->unit);
    hash.optional(metric->ci_low);
    hash.optional(metric->ci_high);
    hash.optional(metric->standard_error);
    hash.optional(metric->count);
  }
}

void add_series(Hasher& hash, const RunData& data) {
  hash.text("/series");
  for (const auto& [name, series] : data.series) {
    if (!counts(series.repeat)) continue;
    hash.text(name);
    hash.number(series.steps.size());
    for (std::size_t i = 0; i < series.steps.size(); ++i) {
      hash.number(static_cast<std::uint64_t>(series.steps[i]));
      hash.real(series.values[i]);
    }
  }
}

void add_arrays(Hasher& hash, const RunData& data) {
  hash.text("/arrays");
  for (const auto& [name, array] : data.arrays) {
    if (!counts(array.info.repeat)) continue;
    hash.text(name);
    hash.text(frugal::results::name(array.info.dtype));
    hash.number(array.info.shape.size());
    for (const auto extent : array.info.shape) hash.number(static_cast<std::uint64_t>(extent));
    hash.text(array.sha256);
  }
}

}  // namespace

std::string content_hash(const RunData& data) {
  Hasher hash;
  hash.text("frugal-content-1");
  add_config(hash, data.open.config_json);
  add_samples(hash, data);
  add_metrics(hash, data);
  add_series(hash, data);
  add_arrays(hash, data);
  return hash.hex();
}

}  // namespace frugal::results
