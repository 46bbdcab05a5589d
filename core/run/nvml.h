// What the NVIDIA driver says of its devices, if there is one; the library is loaded at run time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frugal::run {

class Nvml;
struct nvmlDevice_st;

// gpu.driver, gpu.cuda_driver, gpu.<i>.{name,uuid,memory_bytes,clock_mhz,max_clock_mhz}; empty without a driver.
std::map<std::string, std::string> gpu_facts();

// What the driver does not tell stays empty.
struct GpuState {
  std::optional<double> clock_mhz, max_clock_mhz;  // of the multiprocessors
  std::optional<double> temperature_c, power_w;
  std::optional<double> energy_j;                 // since the driver was loaded (Volta and later)
  std::optional<std::int64_t> memory_used_bytes;  // of all processes
  std::vector<std::string> throttle_reasons;      // heat, or a slowdown forced by the hardware
  bool power_capped = false;                      // clocks held down by the configured power limit
};

// One device, with the library held open: a reading takes some microseconds.
class GpuProbe {
 public:
  // uuid: "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"; a slice
  // ("MIG-...") is found by its bytes as well. Without a driver, or for a device it does
  // not know, every reading is empty.
  explicit GpuProbe(const std::string& uuid);
  bool found() const { return device_ != nullptr; }
  GpuState read() const;

 private:
  std::shared_ptr<const Nvml> nvml_;
  nvmlDevice_st* device_ = nullptr;
};

}  // namespace frugal::run
