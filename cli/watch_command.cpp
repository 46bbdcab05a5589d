// frugal watch: what running jobs have recorded so far, from their journals.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <thread>

#include "cli/options.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/results/export.h"
#include "core/results/journal.h"
#include "core/results/run_data.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
using results::RunData;

// The last `width` values as bars of eight heights.
std::string sparkline(const std::vector<double>& values, std::size_t width = 40) {
  constexpr const char* kBars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::size_t first = values.size() > width ? values.size() - width : 0;
  double low = INFINITY, high = -INFINITY;
  for (std::size_t i = first; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
  }
  std::string line;
  for (std::size_t i = first; i < values.size(); ++i) {
    const double share = high > low ? (values[i] - low) / (high - low) : 0.5;
    line += std::isfinite(values[i]) ? kBars[static_cast<std::size_t>(std::lround(share * 7))] : "?";
  }
  return line;
}

std::string elapsed(const RunData& data) {
  const bool over = data.state() != results::RunState::kRunning && !data.states.empty();
  const std::int64_t end = over ? data.states.back().time_ns : results::now_ns();
  const auto seconds = (end - data.open.created_ns) / 1'000'000'000;
  char text[32];
  std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld", static_cast<long long>(seconds / 3600),
                static_cast<long long>(seconds / 60 % 60), static_cast<long long>(seconds % 60));
  return text;
}

void print(const fs::path& folder, const RunData& data) {
  std::cout << folder.string() << "  " << name(data.state()) << "  " << elapsed(data) << "  " << data.samples.size()
            << " samples\n";
  if (!data.states.empty() && !data.states.back().message.empty())
    std::cout << "  " << data.states.back().message << "\n";
  for (const auto& [name, series] : data.series) {
    if (series.values.empty()) continue;
    char value[48];
    std::snprintf(value, sizeof value, "%12.6g", series.values.back());
    std::cout << "  " << name << "  step " << series.steps.back() << "  " << value << "  " << sparkline(series.values)
              << "\n";
  }
  for (const auto& metric : data.metrics)
    std::cout << "  " << metric.name << " = " << results::number_text(metric.value)
              << (metric.unit.empty() ? "" : " " + metric.unit) << "\n";
}

std::vector<fs::path> journals(const std::vector<std::string>& words) {
  std::vector<fs::path> found;
  for (const fs::path path : words) {
    if (fs::is_regular_file(path)) {
      found.push_back(path);
    } else if (fs::is_directory(path)) {
      for (const auto& entry : fs::recursive_directory_iterator(path))
        if (entry.path().filename() == results::kJournalName) found.push_back(entry.path());
    } else {
      io::throw_errno(ENOENT, "look for runs", path);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Returns whether some run is still at work.
bool show_all(const std::vector<std::string>& words) {
  bool running = false;
  for (const auto& journal : journals(words)) {
    try {
      // Read, not mapped: the run may be cut back to a checkpoint meanwhile.
      const std::string bytes = io::read_file(journal, std::uint64_t{8} << 30U);
      const RunData data = results::replay(io::as_bytes(bytes), journal).data;
      running = running || data.state() == results::RunState::kRunning || data.state() == results::RunState::kCreated;
      print(journal.parent_path(), data);
    } catch (const Error& error) {
      std::cout << journal.parent_path().string() << "  " << error.message() << "\n";
      running = running || error.code() == "journal_empty";
    }
  }
  return running;
}

}  // namespace

int watch_command(std::span<const std::string> args) {
  namespace po = boost::program_options;
  po::options_description options("options");
  options.add_options()("once", "print once and end")("interval", po::value<double>()->default_value(1), "seconds");
  const Parsed parsed =
      parse_options(args, "frugal watch PATH...",
                    "Shows state, curves and metrics of the runs at and below the paths, again and again until\n"
                    "none is running.",
                    options, 1);
  if (parsed.help) return 0;
  const auto pause = std::chrono::duration<double>(std::max(0.1, parsed.values["interval"].as<double>()));
  while (true) {
    const bool repeat = !parsed.values.contains("once");
    if (repeat && ::isatty(STDOUT_FILENO) != 0) std::cout << "\x1b[2J\x1b[H";
    const bool running = show_all(parsed.words);
    std::cout << std::flush;
    if (!repeat || !running) return 0;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace frugal::cli
