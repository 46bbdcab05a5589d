#include "core/results/records.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include "core/error.h"

namespace frugal::results {
namespace {

static_assert(std::endian::native == std::endian::little, "journals are little-endian");

[[noreturn]] void fail(std::string_view why) {
  throw Error(ErrorKind::kBadData, "bad_record", cat("a record of the journal is damaged: ", why));
}

constexpr unsigned last(RunState) {
  return static_cast<unsigned>(RunState::kRecovered);
}
constexpr unsigned last(Direction) {
  return static_cast<unsigned>(Direction::kLowerIsBetter);
}
constexpr unsigned last(Repeat) {
  return static_cast<unsigned>(Repeat::kMayVary);
}
constexpr unsigned last(ColumnType) {
  return static_cast<unsigned>(ColumnType::kEnum);
}
constexpr unsigned last(DType) {
  return static_cast<unsigned>(DType::kBool);
}

template <typename T>
concept Number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
template <typename T>
concept Enum = std::is_enum_v<T>;

class Writer {
 public:
  std::string take() { return std::move(bytes_); }

  template <typename... Ts>
  void operator()(const Ts&... values) {
    (put(values), ...);
  }

 private:
  template <Number T>
  void put(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put(const bool& value) { bytes_ += static_cast<char>(value); }
  template <Enum T>
  void put(const T& value) {
    bytes_ += static_cast<char>(value);
  }
  void put_size(std::size_t size) {
    if (size > 0xFFFFFFFFU) throw Error(ErrorKind::kUsage, "record_too_large", "more than 4 GiB in one record");
    put(static_cast<std::uint32_t>(size));
  }
  void put(const std::string& value) {
    put_size(value.size());
    bytes_ += value;
  }
  void put(const Value& value) {
    put(static_cast<std::uint8_t>(value.index()));
    std::visit([this](const auto& cell) { put(cell); }, static_cast<const Value::Base&>(value));
  }
  template <typename T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <typename A, typename B>
  void put(const std::pair<A, B>& value) {
    put(value.first);
    put(value.second);
  }
  template <typename T>
  void put(const std::vector<T>& values) {
    put_size(values.size());
    for (const auto& value : values) put(value);
  }
  // A struct: its fields, as fields() below lists them.
  template <typename T>
    requires(std::is_class_v<T>)
  void put(const T& value) {
    fields(*this, const_cast<T&>(value));
  }

  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename... Ts>
  void operator()(Ts&... values) {
    (get(values), ...);
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::span<const std::byte> take(std::size_t size) {
    if (size > bytes_.size()) fail("a field is longer than its record");
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }
  template <Number T>
  void get(T& value) {
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
  }
  void get(bool& value) {
    const auto byte = std::to_integer<unsigned>(take(1)[0]);
    if (byte > 1) fail("a truth value is neither 0 nor 1");
    value = byte != 0;
  }
  template <Enum T>
  void get(T& value) {
    const auto byte = std::to_integer<unsigned>(take(1)[0]);
    if (byte > last(T{})) fail("a value of an enumeration is unknown");
    value = static_cast<T>(byte);
  }
  // Every element takes a byte at least, so a count above the rest of the record is a lie, and allocates nothing.
  std::size_t get_size() {
    std::uint32_t size = 0;
    get(size);
    if (size > bytes_.size()) fail("a length is longer than its record");
    return size;
  }
  void get(std::string& value) {
    const auto text = take(get_size());
    value.assign(reinterpret_cast<const char*>(text.data()), text.size());
  }
  template <typename T>
  Value cell() {
    T value{};
    get(value);
    return Value(std::move(value));
  }
  void get(Value& value) {
    std::uint8_t kind = 0;
    get(kind);
    switch (kind) {
      case 0:
        value = cell<std::int64_t>();
        return;
      case 1:
        value = cell<double>();
        return;
      case 2:
        value = cell<bool>();
        return;
      case 3:
        value = cell<std::string>();
        return;
      default:
        fail("a cell is of unknown type");
    }
  }
  template <typename T>
  void get(std::optional<T>& value) {
    bool present = false;
    get(present);
    if (present) get(value.emplace());
  }
  template <typename A, typename B>
  void get(std::pair<A, B>& value) {
    get(value.first);
    get(value.second);
  }
  template <typename T>
  void get(std::vector<T>& values) {
    const std::size_t size = get_size();
    values.clear();
    for (std::size_t i = 0; i < size; ++i) {
      if constexpr (std::is_same_v<T, Value>) {
        values.emplace_back(false);
      } else {
        values.emplace_back();
      }
      get(values.back());
    }
  }
  template <typename T>
    requires(std::is_class_v<T>)
  void get(T& value) {
    fields(*this, value);
  }

  std::span<const std::byte> bytes_;
};

// The fields of every struct on disk, once for both directions.
template <typename A>
void fields(A& a, Metric& m) {
  a(m.name, m.value, m.unit, m.direction, m.ci_low, m.ci_high, m.standard_error, m.count, m.sample_column, m.repeat);
}
template <typename A>
void fields(A& a, Column& c) {
  a(c.name, c.type, c.unit, c.description, c.labels, c.repeat);
}
template <typename A>
void fields(A& a, ArrayColumn& c) {
  a(c.name, c.unit, c.description, c.repeat);
}
template <typename A>
void fields(A& a, ArrayInfo& i) {
  a(i.name, i.dtype, i.shape, i.dims, i.unit, i.description, i.repeat);
}
template <typename A>
void fields(A& a, OpenRecord& r) {
  a(r.format_version, r.run_id, r.created_ns, r.config_json, r.config_yaml, r.overrides, r.choices);
}
template <typename A>
void fields(A& a, ProvenanceRecord& r) {
  a(r.key, r.value);
}
template <typename A>
void fields(A& a, InputRecord& r) {
  a(r.input.role, r.input.path, r.input.bytes, r.input.sha256, r.input.licence);
}
template <typename A>
void fields(A& a, SchemaRecord& r) {
  a(r.columns, r.lists);
}
template <typename A>
void fields(A& a, SampleRecord& r) {
  a(r.cells, r.lists);
}
template <typename A>
void fields(A& a, SeriesRecord& r) {
  a(r.name, r.unit, r.description, r.repeat);
}
template <typename A>
void fields(A& a, PointRecord& r) {
  a(r.series, r.step, r.time_ns, r.value);
}
template <typename A>
void fields(A& a, MetricRecord& r) {
  a(r.metric);
}
template <typename A>
void fields(A& a, TimingRecord& r) {
  a(r.row.phase, r.row.index, r.row.ns, r.row.cold, r.row.throttled, r.row.valid);
}
template <typename A>
void fields(A& a, TimingRuleRecord& r) {
  a(r.phase, r.rule, r.stop_reason);
}
template <typename A>
void fields(A& a, ArrayRecord& r) {
  a(r.info, r.sha256, r.inlined, r.data);
}
template <typename A>
void fields(A& a, LogRecord& r) {
  a(r.time_ns, r.line);
}
template <typename A>
void fields(A& a, EventRecord& r) {
  a(r.time_ns, r.name, r.json);
}
template <typename A>
void fields(A& a, StateRecord& r) {
  a(r.time_ns, r.state, r.error_kind, r.error_code, r.message);
}
template <typename A>
void fields(A& a, RewindRecord& r) {
  a(r.offset);
}

template <std::size_t I = 0>
Record decode_kind(std::size_t kind, Reader& reader) {
  if constexpr (I < std::variant_size_v<Record>) {
    if (kind != I) return decode_kind<I + 1>(kind, reader);
    std::variant_alternative_t<I, Record> record;
    reader(record);
    return record;
  } else {
    fail("its kind is unknown");
  }
}

}  // namespace

bool is_result(const Record& record) {
  return std::visit(
      []<typename T>(const T&) {
        return !(std::is_same_v<T, OpenRecord> || std::is_same_v<T, ProvenanceRecord> || std::is_same_v<T, LogRecord> ||
                 std::is_same_v<T, EventRecord> || std::is_same_v<T, StateRecord> || std::is_same_v<T, RewindRecord>);
      },
      record);
}

std::string encode(const Record& record) {
  Writer writer;
  writer(static_cast<std::uint8_t>(record.index()));
  std::visit([&writer](const auto& r) { writer(r); }, record);
  return writer.take();
}

Record decode(std::span<const std::byte> bytes) {
  if (bytes.empty()) fail("it is empty");
  Reader reader(bytes.subspan(1));
  Record record = decode_kind(std::to_integer<std::size_t>(bytes[0]), reader);
  if (!reader.at_end()) fail("it has bytes after its last field");
  return record;
}

}  // namespace frugal::results
