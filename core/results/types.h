// The things that a run records, as plain structs: what the journal stores, the result file shows and readers get.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace frugal::results {

// created: the folder exists; running: the worker has begun; done and failed: it came to an end by itself;
// interrupted: stopped by a signal or killed, can be resumed; recovered: interrupted, and its file made by `recover`.
enum class RunState : std::uint8_t { kCreated, kRunning, kDone, kFailed, kInterrupted, kRecovered };
std::string_view name(RunState state);
// Throws Error(bad_data, "unknown_state") for any other text.
RunState parse_run_state(std::string_view text);

enum class Direction : std::uint8_t { kNone, kHigherIsBetter, kLowerIsBetter };
std::string_view name(Direction direction);  // "", "higher", "lower"

// Whether a second run with the same config, seed and build must give the same value bit for bit.
// What may vary (times, memory, host names) is left out of the content hash.
enum class Repeat : std::uint8_t { kMustMatch, kMayVary };

struct Metric {
  std::string name = {};
  double value = 0;
  std::string unit = {};  // "" for a pure number; otherwise as people write it: "ms", "MiB", "dB"
  Direction direction = Direction::kNone;
  std::optional<double> ci_low = {}, ci_high = {};  // 95 % interval, in `unit`
  std::optional<double> standard_error = {};        // in `unit`
  std::optional<std::int64_t> count = {};           // how many samples it is made of
  std::string sample_column = {};  // the column of /samples whose mean it is, if any; `results compare` pairs by it
  Repeat repeat = Repeat::kMustMatch;
};

enum class ColumnType : std::uint8_t { kInt64, kDouble, kBool, kString, kEnum };

struct Column {
  std::string name = {};  // letters, digits, '_', '.', '-'
  ColumnType type = ColumnType::kDouble;
  std::string unit = {};
  std::string description = {};
  std::vector<std::string> labels = {};  // of an enum, at most 127; a cell holds one of them
  Repeat repeat = Repeat::kMustMatch;
};

// A list of numbers a sample, of any length: becomes the data set /samples_<name>, one row a sample, padded with NaN.
struct ArrayColumn {
  std::string name = {};
  std::string unit = {};
  std::string description = {};
  Repeat repeat = Repeat::kMustMatch;
};

// A cell of a sample row. Integers become int64, floats double; a cell of an enum column is its label.
struct Value : std::variant<std::int64_t, double, bool, std::string> {
  using Base = std::variant<std::int64_t, double, bool, std::string>;
  Value(bool v) : Base(v) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Value(T v) : Base(static_cast<std::int64_t>(v)) {}
  template <std::floating_point T>
  Value(T v) : Base(static_cast<double>(v)) {}
  Value(std::string v) : Base(std::move(v)) {}
  Value(std::string_view v) : Base(std::string(v)) {}
  Value(const char* v) : Base(std::string(v)) {}
};

struct TimingRow {
  std::string phase = {};  // "prefill", "decode", "step", ...
  std::int64_t index = 0;
  std::int64_t ns = 0;     // nanoseconds, steady clock or CUDA events
  bool cold = false;       // taken before the warm-up ended
  bool throttled = false;  // the device had lowered its clocks
  bool valid = true;
};

enum class DType : std::uint8_t {
  kFloat64,
  kFloat32,
  kInt64,
  kInt32,
  kInt16,
  kInt8,
  kUInt8,
  kBool  // one byte each, 0 or 1
};
std::size_t size_of(DType dtype);  // bytes
std::string_view name(DType dtype);

struct ArrayInfo {
  std::string name = {};  // letters, digits, '_', '.', '-'
  DType dtype = DType::kFloat32;
  std::vector<std::int64_t> shape = {};  // empty for a scalar
  std::vector<std::string> dims = {};    // one name a dimension; empty: <name>_0, <name>_1, ...
  std::string unit = {};
  std::string description = {};
  Repeat repeat = Repeat::kMustMatch;
};

// A file that the run read. Size and sha256 are taken from the file itself.
struct Input {
  std::string role = {};  // "dataset", "model", "tokenizer", "checkpoint", ...
  std::string path = {};
  std::int64_t bytes = 0;
  std::string sha256 = {};
  std::string licence = {};  // SPDX identifier where known
};

}  // namespace frugal::results
