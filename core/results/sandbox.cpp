#include "core/results/sandbox.h"

#include <unistd.h>

#include <new>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/child_process.h"
#include "core/io/file.h"
#include "core/results/frames.h"

namespace frugal::results {
namespace {

namespace fs = std::filesystem;

// What a frame from the child holds, by its first byte.
constexpr char kRecord = 'R';  // a record of the file that is being read
constexpr char kEnd = 'E';     // the file was read
constexpr char kError = 'X';   // it was not: why

fs::path g_program;

void send(std::string& buffer, char tag, std::string_view payload) {
  append_frame(buffer, tag + std::string(payload));
  if (buffer.size() < (1U << 20U) && tag == kRecord) return;
  io::write_all(STDOUT_FILENO, io::as_bytes(buffer), "stdout");
  buffer.clear();
}

void send_run(std::string& buffer, const RunData& data) {
  const auto record = [&](const Record& r) { send(buffer, kRecord, encode(r)); };
  record(data.open);
  for (const auto& [key, value] : data.provenance) record(ProvenanceRecord{.key = key, .value = value});
  for (const auto& input : data.inputs) record(InputRecord{input});
  if (!data.schema.columns.empty() || !data.schema.lists.empty()) record(data.schema);
  for (const auto& sample : data.samples) record(sample);
  for (const auto& [name, series] : data.series) {
    record(SeriesRecord{.name = name, .unit = series.unit, .description = series.description, .repeat = series.repeat});
    for (std::size_t i = 0; i < series.steps.size(); ++i)
      record(PointRecord{
          .series = name, .step = series.steps[i], .time_ns = series.times_ns[i], .value = series.values[i]});
  }
  for (const auto& metric : data.metrics) record(MetricRecord{metric});
  for (const auto& row : data.timings) record(TimingRecord{row});
  for (const auto& [name, array] : data.arrays) record(array);
  for (const auto& line : data.log) record(line);
  for (const auto& event : data.events) record(event);
  for (const auto& state : data.states) record(state);
}

std::vector<RunEntry> entries_of(const std::string& output) {
  std::vector<RunEntry> entries;
  RunEntry entry;
  scan_frames(io::as_bytes(output), [&](std::uint64_t, std::span<const std::byte> payload) {
    if (payload.empty()) return;
    const auto rest = payload.subspan(1);
    const std::string text(reinterpret_cast<const char*>(rest.data()), rest.size());
    switch (static_cast<char>(payload[0])) {
      case kRecord:
        if (!entry.data) entry.data.emplace();
        apply(*entry.data, decode(rest));
        return;
      case kError:
        entry.error = text;
        entry.data.reset();
        [[fallthrough]];
      default:
        entries.push_back(std::exchange(entry, {}));
    }
  });
  return entries;
}

}  // namespace

int read_runs_child(std::span<const std::string> args) {
  if (args.empty()) throw Error(ErrorKind::kUsage, "bad_call", "expected all or summary, and files");
  io::limit_this_process({});
  const Parts parts = args[0] == "all" ? Parts::kAll : Parts::kSummary;
  std::string buffer;
  for (const auto& file : args.subspan(1)) {
    try {
      send_run(buffer, read_run_file(file, parts));
      send(buffer, kEnd, "");
    } catch (const Error& error) {
      send(buffer, kError, error.message());
    } catch (const std::bad_alloc&) {
      send(buffer, kError, "reading it takes more memory than is allowed");
    } catch (const std::exception& error) {
      send(buffer, kError, error.what());
    }
  }
  return 0;
}

void set_reader_program(const fs::path& program) {
  g_program = program;
}

fs::path reader_program() {
  return g_program.empty() ? fs::read_symlink("/proc/self/exe") : g_program;
}

std::vector<RunEntry> read_runs(const std::vector<fs::path>& files, Parts parts) {
  constexpr std::size_t kFilesAChild = 256;  // an argument list holds 2 MiB
  std::vector<RunEntry> entries;
  while (entries.size() < files.size()) {
    const std::size_t first = entries.size();
    const std::size_t last = std::min(files.size(), first + kFilesAChild);
    std::vector<std::string> arguments = {std::string(kReadRunsVerb), parts == Parts::kAll ? "all" : "summary"};
    for (std::size_t i = first; i < last; ++i) arguments.push_back(files[i].string());
    const io::ChildResult child = io::run_child(reader_program(), arguments);
    for (auto& entry : entries_of(child.output)) {
      if (entries.size() == last) break;
      entry.path = files[entries.size()];
      entries.push_back(std::move(entry));
    }
    // The file at which the child ended is the damaged one; the rest gets another child.
    if (entries.size() < last)
      entries.push_back({.path = files[entries.size()],
                         .data = std::nullopt,
                         .error = cat("reading it ended with ", child.failure.empty() ? "no answer" : child.failure)});
  }
  return entries;
}

RunData read_run(const fs::path& file, Parts parts) {
  if (!fs::exists(file)) io::throw_errno(ENOENT, "read a result file", file);
  auto entries = read_runs({file}, parts);
  if (!entries.at(0).data) throw Error(ErrorKind::kBadData, "damaged_hdf5", entries[0].error, file.string());
  return std::move(*entries[0].data);
}

}  // namespace frugal::results
