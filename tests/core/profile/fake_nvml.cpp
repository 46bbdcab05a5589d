// The functions of libnvidia-ml.so.1 that core/run/nvml.cpp calls, for one device with known figures.
#include <cstring>

struct nvmlDevice_st {
  int index;
};

namespace {

nvmlDevice_st g_device{0};
constexpr int kSuccess = 0, kNotFound = 6, kNotSupported = 3;

int copy(const char* from, char* to, unsigned size) {
  std::strncpy(to, from, size);
  return kSuccess;
}

}  // namespace

extern "C" {
int nvmlInit_v2() {
  return kSuccess;
}
int nvmlShutdown() {
  return kSuccess;
}
int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  return copy("580.65.06", text, size);
}
int nvmlSystemGetCudaDriverVersion_v2(int* version) {
  *version = 13000;
  return kSuccess;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 1;
  return kSuccess;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_st** device) {
  *device = &g_device;
  return index == 0 ? kSuccess : kNotFound;
}
int nvmlDeviceGetHandleByUUID(const char* uuid, nvmlDevice_st** device) {
  if (std::strcmp(uuid, "GPU-fake") != 0) return kNotFound;
  *device = &g_device;
  return kSuccess;
}
int nvmlDeviceGetName(nvmlDevice_st*, char* text, unsigned size) {
  return copy("Fake GPU", text, size);
}
int nvmlDeviceGetUUID(nvmlDevice_st*, char* text, unsigned size) {
  return copy("GPU-fake", text, size);
}
int nvmlDeviceGetClockInfo(nvmlDevice_st*, int kind, unsigned* mhz) {
  *mhz = 1410;
  return kind == 1 ? kSuccess : kNotSupported;
}
int nvmlDeviceGetMaxClockInfo(nvmlDevice_st*, int kind, unsigned* mhz) {
  *mhz = 1980;
  return kind == 1 ? kSuccess : kNotSupported;
}
int nvmlDeviceGetTemperature(nvmlDevice_st*, int, unsigned* celsius) {
  *celsius = 71;
  return kSuccess;
}
int nvmlDeviceGetPowerUsage(nvmlDevice_st*, unsigned* milliwatt) {
  *milliwatt = 350500;
  return kSuccess;
}
// Ten joules more at every call.
int nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_st*, unsigned long long* millijoule) {
  static unsigned long long energy = 0;
  *millijoule = energy += 10000;
  return kSuccess;
}
// Power cap and thermal slowdown, of software and of hardware.
int nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_st*, unsigned long long* reasons) {
  *reasons = 0x4 | 0x20 | 0x40;
  return kSuccess;
}
// nvmlDeviceGetMemoryInfo is missing on purpose: a driver may lack any function.
}
