#include "core/profile/monitor.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "core/profile/process_memory.h"
#include "tests/support/temp_folder.h"

namespace frugal::profile {
namespace {

TEST(CpuMonitor, ReadsWhatSysfsTells) {
  const test::TempFolder sys;
  for (const char* cpu : {"cpu0", "cpu1"}) {
    const std::filesystem::path folder = std::filesystem::path("devices/system/cpu") / cpu;
    sys.write(folder / "cpufreq/cpuinfo_max_freq", "3600000\n");
    sys.write(folder / "thermal_throttle/core_throttle_count", "2\n");
  }
  sys.write("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2000000\n");
  sys.write("devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "3000000\n");
  sys.write("devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "5\n");
  sys.write("devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "1\n");  // no CPU: must not count
  sys.write("class/thermal/thermal_zone0/temp", "45000\n");
  sys.write("class/thermal/thermal_zone1/temp", "61500\n");
  const DeviceState state = CpuMonitor(sys.path()).read();
  EXPECT_EQ(state.clock_mhz, 2500.0);
  EXPECT_EQ(state.max_clock_mhz, 3600.0);
  EXPECT_EQ(state.throttle_events, 9);
  EXPECT_EQ(state.temperature_c, 61.5);
  EXPECT_FALSE(state.energy_j);
  EXPECT_TRUE(state.throttled.empty());
}

TEST(CpuMonitor, WhatIsMissingOrNonsenseStaysEmpty) {
  const test::TempFolder sys;
  const DeviceState nothing = CpuMonitor(sys.path() / "nowhere").read();
  EXPECT_FALSE(nothing.clock_mhz || nothing.max_clock_mhz || nothing.temperature_c || nothing.throttle_events);
  sys.write("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "<unknown>\n");
  EXPECT_FALSE(CpuMonitor(sys.path()).read().clock_mhz);
}

TEST(GpuMonitor, ReadsTheDriver) {
  if (std::getenv("FRUGAL_FAKE_NVML") == nullptr) GTEST_SKIP() << "run by ctest, which puts the stand-in driver first";
  GpuMonitor monitor("GPU-fake");
  const DeviceState first = monitor.read(), second = monitor.read();
  EXPECT_EQ(first.clock_mhz, 1410.0);
  EXPECT_EQ(first.max_clock_mhz, 1980.0);
  EXPECT_EQ(first.temperature_c, 71.0);
  ASSERT_TRUE(first.energy_j && second.energy_j);
  EXPECT_DOUBLE_EQ(*second.energy_j - *first.energy_j, 10.0);
  EXPECT_EQ(first.throttled, (std::vector<std::string>{"software_thermal_slowdown", "hardware_thermal_slowdown"}));
  EXPECT_TRUE(first.power_capped);
  const run::GpuState gpu = run::GpuProbe("GPU-fake").read();
  EXPECT_DOUBLE_EQ(*gpu.power_w, 350.5);
  EXPECT_FALSE(gpu.memory_used_bytes) << "a function that the driver lacks gives nothing";
  EXPECT_EQ(run::gpu_facts().at("gpu.0.name"), "Fake GPU");
}

TEST(GpuMonitor, AnUnknownDeviceTellsNothing) {
  EXPECT_FALSE(run::GpuProbe("GPU-none").found());
  const DeviceState state = GpuMonitor("GPU-none").read();
  EXPECT_FALSE(state.clock_mhz || state.energy_j || state.power_capped);
}

TEST(ProcessMemory, IsTheHighWaterMark) {
  EXPECT_EQ(peak_in_status("Name:\tx\nVmPeak:\t  900 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 10 kB\n"), 1234 * 1024);
  EXPECT_EQ(peak_in_status("Name:\tx\nVmHWM:\tlots kB\n"), 0);
  const std::int64_t before = process_peak_bytes();
  constexpr std::size_t kBytes = 64U << 20U;
  const std::vector<char> block(kBytes, 1);
  EXPECT_GE(process_peak_bytes(), before);
  EXPECT_GE(process_peak_bytes(), static_cast<std::int64_t>(kBytes) + block.front());
}

}  // namespace
}  // namespace frugal::profile
