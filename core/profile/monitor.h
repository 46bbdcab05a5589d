// The state of what is measured on: clocks, throttling, temperature, energy. What a machine does not tell stays empty.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/run/nvml.h"

namespace frugal::profile {

struct DeviceState {
  std::optional<double> clock_mhz, max_clock_mhz;  // of cores now (CPU: mean over cores), and at most
  std::optional<double> temperature_c;             // of the hottest sensor
  std::optional<double> energy_j;                  // since some fixed moment
  // Clocks held down for heat or by the hardware: figures taken then are not the device's.
  std::vector<std::string> throttled;
  // Held down by the configured power limit: the device's normal state under load, recorded and no fault.
  bool power_capped = false;
  // CPU: throttle events since boot; a rise between two readings is throttling.
  std::optional<std::int64_t> throttle_events;
};

class DeviceMonitor {
 public:
  virtual ~DeviceMonitor() = default;
  virtual DeviceState read() = 0;
};

// Through sysfs: cpufreq, thermal_throttle, thermal zones. Containers and virtual machines often show none of them.
class CpuMonitor final : public DeviceMonitor {
 public:
  explicit CpuMonitor(std::filesystem::path sysfs = "/sys") : sysfs_(std::move(sysfs)) {}
  DeviceState read() override;

 private:
  std::filesystem::path sysfs_;
};

// Through NVML. uuid: as the CUDA runtime names the device ("GPU-..."), because NVML counts devices otherwise.
class GpuMonitor final : public DeviceMonitor {
 public:
  explicit GpuMonitor(const std::string& uuid) : probe_(uuid) {}
  DeviceState read() override;

 private:
  run::GpuProbe probe_;
};

}  // namespace frugal::profile
