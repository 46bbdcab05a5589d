#include "core/run/nvml.h"

#include <dlfcn.h>

#include <memory>

#include "core/error.h"

namespace frugal::run {
namespace {

// The part of nvml.h (stable since its first version) that is used here.
using Device = nvmlDevice_st*;
struct Memory {
  unsigned long long total, free, used;
};
constexpr int kSuccess = 0;
constexpr int kClockSm = 1;
constexpr int kTemperatureGpu = 0;

// nvmlClocksThrottleReason*: bits of nvmlDeviceGetCurrentClocksThrottleReasons.
constexpr unsigned long long kSwPowerCap = 0x4;
struct ThrottleReason {
  unsigned long long bit;
  const char* name;
};
constexpr ThrottleReason kThrottleReasons[] = {{0x8, "hardware_slowdown"},
                                               {0x20, "software_thermal_slowdown"},
                                               {0x40, "hardware_thermal_slowdown"},
                                               {0x80, "hardware_power_brake"}};

}  // namespace

class Nvml {
 public:
  Nvml() : library_(::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL), ::dlclose) {
    ready_ = library_ != nullptr && call<int()>("nvmlInit_v2") == kSuccess;
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  ~Nvml() {
    if (ready_) call<int()>("nvmlShutdown");
  }
  bool ready() const { return ready_; }

  // The function's answer, or -1 where this driver lacks it.
  template <typename Signature, typename... Args>
  int call(const char* name, Args... args) const {
    auto* const function = reinterpret_cast<Signature*>(::dlsym(library_.get(), name));
    return function == nullptr ? -1 : function(args...);
  }

 private:
  std::unique_ptr<void, int (*)(void*)> library_;
  bool ready_ = false;
};

namespace {

void add_device(const Nvml& nvml, unsigned index, std::map<std::string, std::string>& facts) {
  Device device = nullptr;
  if (nvml.call<int(unsigned, Device*)>("nvmlDeviceGetHandleByIndex_v2", index, &device) != kSuccess) return;
  const std::string prefix = cat("gpu.", index, ".");
  char text[96] = {};
  if (nvml.call<int(Device, char*, unsigned)>("nvmlDeviceGetName", device, text, sizeof text) == kSuccess)
    facts[prefix + "name"] = text;
  if (nvml.call<int(Device, char*, unsigned)>("nvmlDeviceGetUUID", device, text, sizeof text) == kSuccess)
    facts[prefix + "uuid"] = text;
  Memory memory{};
  if (nvml.call<int(Device, Memory*)>("nvmlDeviceGetMemoryInfo", device, &memory) == kSuccess)
    facts[prefix + "memory_bytes"] = std::to_string(memory.total);
  unsigned mhz = 0;
  if (nvml.call<int(Device, int, unsigned*)>("nvmlDeviceGetClockInfo", device, kClockSm, &mhz) == kSuccess)
    facts[prefix + "clock_mhz"] = std::to_string(mhz);
  if (nvml.call<int(Device, int, unsigned*)>("nvmlDeviceGetMaxClockInfo", device, kClockSm, &mhz) == kSuccess)
    facts[prefix + "max_clock_mhz"] = std::to_string(mhz);
}

}  // namespace

std::map<std::string, std::string> gpu_facts() {
  std::map<std::string, std::string> facts;
  const Nvml nvml;
  if (!nvml.ready()) return facts;
  char driver[96] = {};
  if (nvml.call<int(char*, unsigned)>("nvmlSystemGetDriverVersion", driver, sizeof driver) == kSuccess)
    facts["gpu.driver"] = driver;
  int cuda = 0;
  if (nvml.call<int(int*)>("nvmlSystemGetCudaDriverVersion_v2", &cuda) == kSuccess)
    facts["gpu.cuda_driver"] = cat(cuda / 1000, ".", cuda % 1000 / 10);
  unsigned count = 0;
  if (nvml.call<int(unsigned*)>("nvmlDeviceGetCount_v2", &count) != kSuccess) return facts;
  for (unsigned index = 0; index < count; ++index) add_device(nvml, index, facts);
  return facts;
}

GpuProbe::GpuProbe(const std::string& uuid) : nvml_(std::make_shared<Nvml>()) {
  if (!nvml_->ready()) return;
  const auto find = [this](const std::string& name) {
    return nvml_->call<int(const char*, Device*)>("nvmlDeviceGetHandleByUUID", name.c_str(), &device_) == kSuccess;
  };
  // The CUDA runtime gives the bytes alone, so whether they name a device or a slice of one is for the driver to say.
  if (!find(uuid) && !(uuid.starts_with("GPU-") && find("MIG-" + uuid.substr(4)))) device_ = nullptr;
}

GpuState GpuProbe::read() const {
  GpuState state;
  if (device_ == nullptr) return state;
  unsigned value = 0;
  const auto clock = [&](const char* function) {
    return nvml_->call<int(Device, int, unsigned*)>(function, device_, kClockSm, &value) == kSuccess;
  };
  if (clock("nvmlDeviceGetClockInfo")) state.clock_mhz = value;
  if (clock("nvmlDeviceGetMaxClockInfo")) state.max_clock_mhz = value;
  if (nvml_->call<int(Device, int, unsigned*)>("nvmlDeviceGetTemperature", device_, kTemperatureGpu, &value) ==
      kSuccess)
    state.temperature_c = value;
  if (nvml_->call<int(Device, unsigned*)>("nvmlDeviceGetPowerUsage", device_, &value) == kSuccess)
    state.power_w = value * 1e-3;
  unsigned long long wide = 0;
  if (nvml_->call<int(Device, unsigned long long*)>("nvmlDeviceGetTotalEnergyConsumption", device_, &wide) == kSuccess)
    state.energy_j = static_cast<double>(wide) * 1e-3;
  Memory memory{};
  if (nvml_->call<int(Device, Memory*)>("nvmlDeviceGetMemoryInfo", device_, &memory) == kSuccess)
    state.memory_used_bytes = static_cast<std::int64_t>(memory.used);
  if (nvml_->call<int(Device, unsigned long long*)>("nvmlDeviceGetCurrentClocksThrottleReasons", device_, &wide) ==
      kSuccess) {
    state.power_capped = (wide & kSwPowerCap) != 0;
    for (const auto& reason : kThrottleReasons)
      if ((wide & reason.bit) != 0) state.throttle_reasons.emplace_back(reason.name);
  }
  return state;
}

}  // namespace frugal::run
