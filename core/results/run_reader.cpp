// Reading run.h5 back into RunData. Nothing in the file is trusted: missing parts, other types and absurd sizes are
// errors. What HDF5 itself makes of a damaged file is another matter, hence sandbox.h.
#include <cmath>
#include <cstring>
#include <ctime>

#include "core/error.h"
#include "core/results/hdf5.h"
#include "core/results/run_file.h"
#include "core/results/table.h"

namespace frugal::results {
namespace {

using h5::Handle;
using h5::ReadTable;
constexpr auto kBad = ErrorKind::kBadData;
constexpr std::size_t kMostText = 256U << 20U;

template <typename T>
const T& cell(const ReadTable& table, const std::string& column, ColumnType type, std::size_t row) {
  return std::get<T>(table.column(column, type)[row]);
}
const std::string& text(const ReadTable& table, const std::string& column, std::size_t row) {
  return cell<std::string>(table, column, ColumnType::kString, row);
}
std::int64_t integer(const ReadTable& table, const std::string& column, std::size_t row) {
  return cell<std::int64_t>(table, column, ColumnType::kInt64, row);
}
double real(const ReadTable& table, const std::string& column, std::size_t row) {
  return cell<double>(table, column, ColumnType::kDouble, row);
}
bool truth(const ReadTable& table, const std::string& column, std::size_t row) {
  return cell<bool>(table, column, ColumnType::kBool, row);
}

bool has_attribute(hid_t object, const char* name) {
  return H5Aexists(object, name) > 0;
}

std::string text_attribute(hid_t object, const char* name) {
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose, cat("open attribute ", name), kBad);
  const Handle type(H5Aget_type(attribute), H5Tclose, "read a type", kBad);
  const Handle space(H5Aget_space(attribute), H5Sclose, "read a shape", kBad);
  if (H5Sget_simple_extent_type(space) != H5S_SCALAR)
    throw Error(kBad, "damaged_hdf5", cat("attribute ", name, " is no single value"));
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) <= 0)
    throw Error(kBad, "damaged_hdf5", cat("attribute ", name, " is no text"));
  char* text = nullptr;
  h5::check(H5Aread(attribute, type, &text), cat("read attribute ", name), kBad);
  if (text == nullptr) return {};
  std::string value(text, ::strnlen(text, kMostText));
  H5free_memory(text);
  return value;
}

std::int64_t int_attribute(hid_t object, const char* name) {
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose, cat("open attribute ", name), kBad);
  const Handle space(H5Aget_space(attribute), H5Sclose, "read a shape", kBad);
  const Handle type(H5Aget_type(attribute), H5Tclose, "read a type", kBad);
  if (H5Sget_simple_extent_type(space) != H5S_SCALAR || H5Tget_class(type) != H5T_INTEGER)
    throw Error(kBad, "damaged_hdf5", cat("attribute ", name, " is no single integer"));
  std::int64_t value = 0;
  h5::check(H5Aread(attribute, H5T_NATIVE_INT64, &value), cat("read attribute ", name), kBad);
  return value;
}

std::string read_text(hid_t file, const std::string& name) {
  const Handle dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, "open " + name, kBad);
  const Handle type(H5Dget_type(dataset), H5Tclose, "read a type", kBad);
  const Handle space(H5Dget_space(dataset), H5Sclose, "read a shape", kBad);
  if (H5Sget_simple_extent_npoints(space) != 1) throw Error(kBad, "damaged_hdf5", name + " is no single text");
  const std::size_t size = H5Tget_size(type);
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 || size > kMostText)
    throw Error(kBad, "damaged_hdf5", name + " is no text of fixed length");
  h5::check_plausible(dataset, size, name);
  std::string value(size, '\0');
  h5::check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value.data()), "read " + name, kBad);
  value.resize(::strnlen(value.data(), size));
  return value;
}

std::int64_t parse_utc(const std::string& text) {
  std::tm parts{};
  const char* const rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  return rest == nullptr ? 0 : static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000'000;
}

void read_root(hid_t file, RunData& data, const std::filesystem::path& path) {
  if (!has_attribute(file, "format") || text_attribute(file, "format") != "frugal-run")
    throw Error(kBad, "not_a_run", "an HDF5 file, but not the result file of a run", path.string());
  if (const auto version = int_attribute(file, "format_version"); version != 1)
    throw Error(kBad, "not_a_run", cat("format version ", version, ", this program reads 1"), path.string());
  data.open.run_id = text_attribute(file, "run_id");
  data.open.created_ns = parse_utc(text_attribute(file, "created"));
  data.states.push_back({.time_ns = parse_utc(text_attribute(file, "finished")),
                         .state = parse_run_state(text_attribute(file, "status")),
                         .error_kind = text_attribute(file, "error_kind"),
                         .error_code = text_attribute(file, "error_code"),
                         .message = text_attribute(file, "message")});
}

void read_config(hid_t file, RunData& data) {
  data.open.config_yaml = read_text(file, "config");
  data.open.config_json = read_text(file, "config_json");
  const ReadTable overrides = h5::read_table(file, "overrides");
  for (std::size_t row = 0; row < overrides.rows; ++row)
    data.open.overrides.push_back(text(overrides, "override", row));
  const ReadTable choices = h5::read_table(file, "choices");
  for (std::size_t row = 0; row < choices.rows; ++row)
    data.open.choices.emplace_back(text(choices, "group", row), text(choices, "option", row));
}

void read_provenance(hid_t file, RunData& data) {
  const ReadTable facts = h5::read_table(file, "provenance");
  for (std::size_t row = 0; row < facts.rows; ++row)
    data.provenance[text(facts, "key", row)] = text(facts, "value", row);
  const ReadTable inputs = h5::read_table(file, "inputs");
  for (std::size_t row = 0; row < inputs.rows; ++row)
    data.inputs.push_back({.role = text(inputs, "role", row),
                           .path = text(inputs, "path", row),
                           .bytes = integer(inputs, "bytes", row),
                           .sha256 = text(inputs, "sha256", row),
                           .licence = text(inputs, "licence", row)});
}

bool exists(hid_t parent, const std::string& name) {
  return H5Lexists(parent, name.c_str(), H5P_DEFAULT) > 0;
}

void read_list(hid_t file, const std::string& name, RunData& data) {
  const std::string path = "samples_" + name;
  const Handle dataset(H5Dopen2(file, path.c_str(), H5P_DEFAULT), H5Dclose, "open " + path, kBad);
  const Handle type(H5Dget_type(dataset), H5Tclose, "read a type", kBad);
  const Handle space(H5Dget_space(dataset), H5Sclose, "read a shape", kBad);
  hsize_t shape[2] = {0, 0};
  if (H5Sget_simple_extent_ndims(space) != 2 || H5Tget_class(type) != H5T_FLOAT ||
      H5Sget_simple_extent_dims(space, shape, nullptr) < 0 || shape[0] != data.samples.size() ||
      shape[1] > kMostText / 8)
    throw Error(kBad, "damaged_hdf5", path + " does not fit /samples");
  h5::check_plausible(dataset, shape[0] * shape[1] * sizeof(double), path);
  std::vector<double> row(shape[1]);
  for (hsize_t r = 0; r < shape[0]; ++r) {
    const hsize_t start[2] = {r, 0};
    const hsize_t count[2] = {1, shape[1]};
    const Handle memory(H5Screate_simple(2, count, nullptr), H5Sclose, "make a space");
    h5::check(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nullptr, count, nullptr), "select a row", kBad);
    h5::check(H5Dread(dataset, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, row.data()), "read " + path, kBad);
    auto last = row.end();
    while (last != row.begin() && std::isnan(*(last - 1))) --last;  // the padding
    data.samples[r].lists.emplace_back(row.begin(), last);
  }
}

void read_samples(hid_t file, RunData& data) {
  if (!exists(file, "samples_columns")) return;
  const ReadTable meaning = h5::read_table(file, "samples_columns");
  const ReadTable table = exists(file, "samples") ? h5::read_table(file, "samples") : ReadTable{};
  data.samples.resize(table.rows);
  std::size_t column = 0;
  for (std::size_t row = 0; row < meaning.rows; ++row) {
    const std::string& name = text(meaning, "name", row);
    const Repeat repeat = truth(meaning, "may_vary", row) ? Repeat::kMayVary : Repeat::kMustMatch;
    if (text(meaning, "kind", row) == "list") {
      data.schema.lists.push_back({.name = name,
                                   .unit = text(meaning, "units", row),
                                   .description = text(meaning, "description", row),
                                   .repeat = repeat});
      continue;
    }
    if (column >= table.columns.size() || table.columns[column].name != name)
      throw Error(kBad, "damaged_hdf5", cat("/samples and /samples_columns differ at column '", name, "'"));
    const auto& cells = table.columns[column];
    data.schema.columns.push_back(
        {.name = name,
         .type = cells.type,
         .unit = text(meaning, "units", row),
         .description = text(meaning, "description", row),
         .labels = cells.type == ColumnType::kEnum ? cells.labels : std::vector<std::string>{},
         .repeat = repeat});
    for (std::size_t r = 0; r < table.rows; ++r) data.samples[r].cells.push_back(cells.cells[r]);
    ++column;
  }
  for (const auto& list : data.schema.lists) read_list(file, list.name, data);
}

struct Names {
  std::vector<std::string> datasets;
  std::exception_ptr failure;
};

// Curves lie in folders of folders ("train/loss"): collects the paths of all data sets below the group.
herr_t collect_dataset(hid_t /*group*/, const char* name, const H5O_info_t* info, void* into) {
  auto& names = *static_cast<Names*>(into);
  try {
    if (info->type == H5O_TYPE_DATASET) names.datasets.emplace_back(name);
  } catch (...) {
    names.failure = std::current_exception();
    return -1;
  }
  return 0;
}

std::vector<std::string> datasets_below(hid_t group) {
  Names names;
  h5::check(H5Ovisit2(group, H5_INDEX_NAME, H5_ITER_INC, collect_dataset, &names, H5O_INFO_BASIC), "list a group",
            kBad);
  if (names.failure) std::rethrow_exception(names.failure);
  return names.datasets;
}

void read_series(hid_t file, RunData& data) {
  const Handle group(H5Gopen2(file, "series", H5P_DEFAULT), H5Gclose, "open /series", kBad);
  for (const auto& name : datasets_below(group)) {
    const ReadTable table = h5::read_table(group, name);
    const Handle dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose, "open series", kBad);
    Series& series = data.series[name];
    series.unit = text_attribute(dataset, "units");
    series.description = text_attribute(dataset, "description");
    series.repeat = int_attribute(dataset, "may_vary") != 0 ? Repeat::kMayVary : Repeat::kMustMatch;
    for (std::size_t row = 0; row < table.rows; ++row) {
      series.steps.push_back(integer(table, "step", row));
      series.times_ns.push_back(integer(table, "time_ns", row));
      series.values.push_back(real(table, "value", row));
    }
  }
}

Direction parse_direction(const std::string& text) {
  for (const Direction direction : {Direction::kNone, Direction::kHigherIsBetter, Direction::kLowerIsBetter})
    if (text == name(direction)) return direction;
  throw Error(kBad, "damaged_hdf5", "a metric has an unknown direction");
}

void read_metrics(hid_t file, RunData& data) {
  const ReadTable table = h5::read_table(file, "metrics");
  const auto maybe = [](double value) { return std::isnan(value) ? std::nullopt : std::optional(value); };
  for (std::size_t row = 0; row < table.rows; ++row) {
    const std::int64_t count = integer(table, "n", row);
    data.metrics.push_back({.name = text(table, "name", row),
                            .value = real(table, "value", row),
                            .unit = text(table, "unit", row),
                            .direction = parse_direction(text(table, "direction", row)),
                            .ci_low = maybe(real(table, "ci_low", row)),
                            .ci_high = maybe(real(table, "ci_high", row)),
                            .standard_error = maybe(real(table, "stderr", row)),
                            .count = count < 0 ? std::nullopt : std::optional(count),
                            .sample_column = text(table, "sample_column", row),
                            .repeat = truth(table, "may_vary", row) ? Repeat::kMayVary : Repeat::kMustMatch});
  }
}

void read_timing(hid_t file, RunData& data) {
  const ReadTable table = h5::read_table(file, "timing");
  for (std::size_t row = 0; row < table.rows; ++row)
    data.timings.push_back({.phase = text(table, "phase", row),
                            .index = integer(table, "index", row),
                            .ns = integer(table, "ns", row),
                            .cold = truth(table, "cold", row),
                            .throttled = truth(table, "throttled", row),
                            .valid = truth(table, "valid", row)});
}

DType parse_dtype(const std::string& text) {
  for (int i = 0; i <= static_cast<int>(DType::kBool); ++i)
    if (text == name(static_cast<DType>(i))) return static_cast<DType>(i);
  throw Error(kBad, "damaged_hdf5", "an array has an unknown type");
}

void read_arrays(hid_t file, RunData& data) {
  const Handle group(H5Gopen2(file, "arrays", H5P_DEFAULT), H5Gclose, "open /arrays", kBad);
  for (const auto& name : datasets_below(group)) {
    const Handle dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose, "open an array", kBad);
    if (!has_attribute(dataset, "sha256")) continue;  // the scale of a dimension
    const Handle space(H5Dget_space(dataset), H5Sclose, "read a shape", kBad);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0) h5::fail(kBad, "read a shape");
    std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
    if (rank > 0) h5::check(H5Sget_simple_extent_dims(space, shape.data(), nullptr), "read a shape", kBad);
    ArrayRecord array;
    array.info = {.name = name,
                  .dtype = parse_dtype(text_attribute(dataset, "dtype")),
                  .shape = {shape.begin(), shape.end()},
                  .unit = text_attribute(dataset, "units"),
                  .description = text_attribute(dataset, "description"),
                  .repeat = int_attribute(dataset, "may_vary") != 0 ? Repeat::kMayVary : Repeat::kMustMatch};
    array.sha256 = text_attribute(dataset, "sha256");
    data.arrays[name] = std::move(array);
  }
}

void read_log(hid_t file, RunData& data) {
  const ReadTable events = h5::read_table(file, "events");
  for (std::size_t row = 0; row < events.rows; ++row)
    data.events.push_back({.time_ns = integer(events, "time_ns", row),
                           .name = text(events, "name", row),
                           .json = text(events, "details", row)});
  const std::string lines = read_text(file, "log");
  if (!lines.empty()) data.log.push_back({.time_ns = 0, .line = lines});
}

}  // namespace

RunData read_run_file(const std::filesystem::path& path, Parts parts) {
  const auto lock = h5::library_lock();
  const Handle file = h5::open_file(path);
  RunData data;
  read_root(file, data, path);
  read_config(file, data);
  read_provenance(file, data);
  read_metrics(file, data);
  if (parts == Parts::kSummary) return data;
  read_samples(file, data);
  read_series(file, data);
  read_timing(file, data);
  read_arrays(file, data);
  read_log(file, data);
  return data;
}

std::string stored_content_hash(const std::filesystem::path& path) {
  const auto lock = h5::library_lock();
  const Handle file = h5::open_file(path);
  return text_attribute(file, "content_hash");
}

}  // namespace frugal::results
