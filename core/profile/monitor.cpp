#include "core/profile/monitor.h"

#include <algorithm>
#include <fstream>

namespace frugal::profile {
namespace {

namespace fs = std::filesystem;

std::optional<double> number_in(const fs::path& file) {
  std::ifstream in(file);
  double value = 0;
  if (!(in >> value)) return std::nullopt;
  return value;
}

// Folders <prefix><number> in `folder`: cpu0, cpu1, ...; thermal_zone0, ...
std::vector<fs::path> numbered(const fs::path& folder, std::string_view prefix) {
  std::vector<fs::path> found;
  std::error_code ignored;  // a machine without the folder has none of them
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const auto digits = name.find_first_not_of("0123456789", prefix.size());
    if (name.starts_with(prefix) && name.size() > prefix.size() && digits == name.npos) found.push_back(entry.path());
  }
  return found;
}

void read_clocks(const std::vector<fs::path>& cpus, DeviceState& state) {
  double sum = 0;
  int count = 0;
  for (const auto& cpu : cpus) {
    if (const auto khz = number_in(cpu / "cpufreq/scaling_cur_freq")) {
      sum += *khz / 1000;
      ++count;
    }
    if (const auto khz = number_in(cpu / "cpufreq/cpuinfo_max_freq"))
      state.max_clock_mhz = std::max(state.max_clock_mhz.value_or(0), *khz / 1000);
  }
  if (count > 0) state.clock_mhz = sum / count;
}

}  // namespace

DeviceState CpuMonitor::read() {
  DeviceState state;
  const auto cpus = numbered(sysfs_ / "devices/system/cpu", "cpu");
  read_clocks(cpus, state);
  for (const auto& cpu : cpus)
    for (const char* kind : {"core_throttle_count", "package_throttle_count"})
      if (const auto events = number_in(cpu / "thermal_throttle" / kind))
        state.throttle_events = state.throttle_events.value_or(0) + static_cast<std::int64_t>(*events);
  for (const auto& zone : numbered(sysfs_ / "class/thermal", "thermal_zone"))
    if (const auto millidegrees = number_in(zone / "temp"))
      state.temperature_c = std::max(state.temperature_c.value_or(-273), *millidegrees / 1000);
  return state;
}

DeviceState GpuMonitor::read() {
  const run::GpuState gpu = probe_.read();
  DeviceState state{.clock_mhz = gpu.clock_mhz,
                    .max_clock_mhz = gpu.max_clock_mhz,
                    .temperature_c = gpu.temperature_c,
                    .energy_j = gpu.energy_j,
                    .throttled = gpu.throttle_reasons,
                    .power_capped = gpu.power_capped};
  return state;
}

}  // namespace frugal::profile
